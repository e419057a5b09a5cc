package io.kvferry.cli;

import io.kvferry.cli.file.FileReport;

/** Says of one file what was moved. */
final class FileLine {
    private FileLine() {}

    static String of(String verb, FileReport report) {
        String size = Quantity.bytes(report.sizeBytes());
        String moved = report.movedBytes() == report.sizeBytes()
                ? size
                : Quantity.bytes(report.movedBytes()) + " of " + size + ", the rest was here";
        return verb + " " + report.name() + ": " + moved + " in " + Quantity.seconds(report.nanos()) + ", "
                + Quantity.perSecond(report.bytesPerSecond()) + ", SHA-256 " + report.sha256();
    }
}
