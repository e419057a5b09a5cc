package io.kvferry.engine;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** The Flight Recorder event of a transfer's end; one per transfer and side. */
@Name("io.kvferry.Transfer")
@Label("KVFerry transfer")
@Category("KVFerry")
@Description("A transfer has ended on one side")
@StackTrace(false)
final class TransferEvent extends Event {
    @Label("Transfer id")
    String transferId = "";

    @Label("Attempt")
    int attempt;

    @Label("Side")
    String side = "";

    @Label("Operation")
    String operation = "";

    @Label("Peer")
    String peer = "";

    @Label("Backend")
    String backend = "";

    @Label("Skipped backends")
    String selection = "";

    @Label("Outcome")
    String outcome = "";

    @Label("Error code")
    String errorCode = "";

    @Label("Stage of the error")
    String stage = "";

    @Label("Memory")
    String memory = "";

    @Label("Bytes")
    @DataAmount
    long bytes;

    @Label("Blocks")
    int blocks;

    @Label("Unmatched blocks")
    int unmatched;

    @Label("Prepare")
    @Timespan
    long prepareNanos;

    @Label("Submit")
    @Timespan
    long submitNanos;

    @Label("Transfer")
    @Timespan
    long transferNanos;

    @Label("Finish")
    @Timespan
    long finishNanos;

    /** Tells whether anybody records; nothing needs to be put together otherwise. */
    static boolean isRecorded() {
        return new TransferEvent().isEnabled();
    }

    static void emit(TransferReport report) {
        TransferEvent event = new TransferEvent();
        event.transferId = report.id().toString();
        event.attempt = report.attempt();
        event.side = report.side().name();
        event.operation = report.operation().name();
        event.peer = report.peer();
        event.backend = report.backend();
        event.selection = report.selection();
        event.outcome = report.result().state().name();
        switch (report.result()) {
            case TransferResult.Completed completed -> event.errorCode = "OK";
            case TransferResult.Failed failed -> event.describe(failed.error());
            case TransferResult.Cancelled cancelled -> event.describe(cancelled.error());
            case TransferResult.TimedOut timedOut -> event.describe(timedOut.error());
        }
        event.memory = report.result().memory().name();
        event.bytes = report.bytes();
        event.blocks = report.blocks();
        event.unmatched = report.unmatched();
        event.prepareNanos = report.prepareNanos();
        event.submitNanos = report.submitNanos();
        event.transferNanos = report.transferNanos();
        event.finishNanos = report.finishNanos();
        event.commit();
    }

    private void describe(io.kvferry.spi.TransferError error) {
        errorCode = error.code().name();
        stage = error.stage().name();
    }
}
