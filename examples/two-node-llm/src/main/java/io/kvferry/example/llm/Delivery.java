package io.kvferry.example.llm;

import io.kvferry.example.llm.model.Answer;
import io.kvferry.spi.Deadline;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Hands what the worker computes to the thread that writes to the client, so that a client that reads slowly holds no worker.
 * There is room for a whole answer.
 *
 * <p><b>Threads:</b> one thread puts, another takes.
 */
final class Delivery implements Generator.Listener {
    private final BlockingQueue<Item> items;
    private volatile boolean abandoned;

    Delivery(int maxTokens) {
        items = new ArrayBlockingQueue<>(maxTokens + 1);
    }

    /** What comes out: tokens, then an end. */
    sealed interface Item {
        /** A token. */
        record Token(Answer answer) implements Item {}

        /** The answer is complete. */
        record Complete(Usage usage) implements Item {}

        /** The answer failed. */
        record Failed(String reason) implements Item {}
    }

    @Override
    public boolean next(Answer answer) {
        items.add(new Item.Token(answer));
        return !abandoned;
    }

    void end(Item end) {
        items.add(end);
    }

    /** Tells the worker that nobody wants the rest. */
    void abandon() {
        abandoned = true;
    }

    /** Waits for the next item; null when the deadline passed. */
    @Nullable
    Item take(Deadline deadline) throws InterruptedException {
        return items.poll(Math.max(0, deadline.remainingNanos()), TimeUnit.NANOSECONDS);
    }
}
