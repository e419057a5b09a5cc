package io.kvferry.gpulab;

import io.kvferry.spi.Ticker;

/** Prints what each check found. Confined to its thread. */
final class LabLog {
    private int steps;
    private int failed;

    /** One check: says what it saw, or throws. */
    interface Step {
        String run() throws InterruptedException;
    }

    /** Runs a check; returns whether it passed. */
    boolean step(String name, Step step) {
        long begun = Ticker.system().nanos();
        String seen;
        boolean good = true;
        try {
            seen = step.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            seen = "interrupted";
            good = false;
        } catch (RuntimeException | Error e) {
            seen = e.toString();
            good = false;
        }
        steps++;
        failed += good ? 0 : 1;
        long millis = (Ticker.system().nanos() - begun) / 1_000_000;
        System.out.println(
                (good ? "PASS  " : "FAIL  ") + name + " (" + millis + " ms)\n      " + seen.replace("\n", "\n      "));
        return good;
    }

    /** Says how it went; returns whether nothing failed. */
    boolean end() {
        System.out.println(failed == 0 ? "ALL " + steps + " PASSED" : failed + " of " + steps + " FAILED");
        return failed == 0;
    }
}
