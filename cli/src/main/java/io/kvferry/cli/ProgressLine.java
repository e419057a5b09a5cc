package io.kvferry.cli;

import io.kvferry.cli.file.Progress;
import io.kvferry.spi.Ticker;
import java.io.Console;
import java.io.PrintWriter;
import java.time.Duration;

/** Shows how far a file is: a bar that moves on a terminal, else a line every few seconds. */
final class ProgressLine implements Progress {
    private static final Duration ON_TERMINAL = Duration.ofMillis(100);
    private static final Duration ELSEWHERE = Duration.ofSeconds(5);
    private static final int BAR = 30;

    private final PrintWriter err;
    private final String name;
    private final boolean terminal;
    private final Ticker ticker;
    private final long startNanos;
    private long shownNanos;
    private boolean open;

    ProgressLine(PrintWriter err, String name, boolean terminal, Ticker ticker) {
        this.err = err;
        this.name = name;
        this.terminal = terminal;
        this.ticker = ticker;
        this.startNanos = ticker.nanos();
        this.shownNanos = startNanos;
    }

    @SuppressWarnings("SystemConsoleNull") // without a terminal it is null since JDK 25
    static ProgressLine of(PrintWriter err, String name) {
        Console console = System.console();
        return new ProgressLine(err, name, console != null && console.isTerminal(), Ticker.system());
    }

    @Override
    public void at(long doneBytes, long totalBytes) {
        long now = ticker.nanos();
        if (now - shownNanos < (terminal ? ON_TERMINAL : ELSEWHERE).toNanos()) {
            return;
        }
        shownNanos = now;
        double share = (double) doneBytes / totalBytes;
        String amounts = Quantity.bytes(doneBytes) + " of " + Quantity.bytes(totalBytes) + ", "
                + Quantity.perSecond(doneBytes * 1e9 / Math.max(1, now - startNanos));
        if (terminal) {
            int filled = (int) (share * BAR);
            err.print("\r" + name + " [" + "=".repeat(filled) + " ".repeat(BAR - filled) + "] " + amounts + "\u001B[K");
            err.flush();
            open = true;
        } else {
            err.println(name + ": " + amounts);
            err.flush();
        }
    }

    @Override
    public void note(String line) {
        end();
        err.println(name + ": " + line);
        err.flush();
    }

    /** Leaves the line of the bar. */
    void end() {
        if (open) {
            err.print("\r\u001B[K");
            err.flush();
            open = false;
        }
    }
}
