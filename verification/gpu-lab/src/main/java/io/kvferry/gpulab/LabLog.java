package io.kvferry.gpulab;

import io.kvferry.spi.Ticker;

/** Prints what each check found. Confined to its thread. */
final class LabLog {
    private boolean passed = true;

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
        passed &= good;
        long millis = (Ticker.system().nanos() - begun) / 1_000_000;
        System.out.println(
                (good ? "PASS  " : "FAIL  ") + name + " (" + millis + " ms)\n      " + seen.replace("\n", "\n      "));
        return good;
    }

    boolean passed() {
        return passed;
    }
}
