package io.kvferry.example.llm;

import io.kvferry.example.llm.kv.Prefix;
import io.kvferry.example.llm.kv.PrefixStore;
import io.kvferry.example.llm.model.Answer;
import io.kvferry.example.llm.model.KvCache;
import io.kvferry.example.llm.model.Transformer;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers a request: takes the KV cache of a known prefix, computes the rest of the prompt, then a token at a time.
 *
 * <p><b>Threads:</b> Thread-safe; a request is worked on by the thread that calls.
 */
final class Generator {
    private static final Logger LOG = LoggerFactory.getLogger(Generator.class);

    private final Transformer model;
    private final PrefixStore store;
    private final LlmMetrics metrics;
    private final Duration storeTimeout;
    private final Ticker ticker;

    Generator(Transformer model, PrefixStore store, LlmMetrics metrics, Duration storeTimeout, Ticker ticker) {
        this.model = model;
        this.store = store;
        this.metrics = metrics;
        this.storeTimeout = storeTimeout;
        this.ticker = ticker;
    }

    /** Hears the tokens of an answer. */
    @FunctionalInterface
    interface Listener {
        /** Takes a token; false when nobody wants the rest. */
        boolean next(Answer answer);
    }

    /** Computes on this thread until the answer is complete or nobody wants it. */
    Usage answer(CompletionRequest request, Listener listener) {
        long start = ticker.nanos();
        int[] prompt = request.tokens();
        KvCache cache = new KvCache(model.shape());
        Prefix prefix = request.reuse() ? known(prompt, cache) : Prefix.NONE;
        float[] scores = model.append(cache, Arrays.copyOfRange(prompt, prefix.tokens(), prompt.length));
        Random random = new Random(request.seed());
        Answer answer = Answer.pick(scores, request.temperature(), random);
        boolean wanted = listener.next(answer);
        metrics.firstToken(prompt.length, ticker.nanos() - start);
        if (request.reuse()) {
            publish(prompt, cache);
        }
        int count = 1;
        while (wanted && count < request.maxTokens()) {
            scores = model.append(cache, answer.token());
            answer = Answer.pick(scores, request.temperature(), random);
            wanted = listener.next(answer);
            count++;
        }
        metrics.answered(count);
        return new Usage(prompt.length, prefix.tokens(), count);
    }

    private Prefix known(int[] prompt, KvCache cache) {
        // the last token is always computed: what the model says after it is the answer
        int[] reusable = Arrays.copyOf(prompt, prompt.length - 1);
        try {
            Prefix prefix = store.fetch(reusable, cache, Deadline.after(storeTimeout, ticker));
            LOG.info("total tokens {}, LMCache hit tokens: {}", prompt.length, prefix.tokens());
            if (!prefix.loss().isEmpty()) {
                fetchFailed(prompt, prefix.loss());
            }
            return prefix;
        } catch (TransferException e) {
            fetchFailed(prompt, e.error().toString());
            return Prefix.NONE;
        }
    }

    /** Computing it is right too, only slower; whoever watches sees it in the counter. */
    private void fetchFailed(int[] prompt, String reason) {
        metrics.fetchFailed();
        LOG.warn("computing more than necessary of a prompt of {} tokens: {}", prompt.length, reason);
    }

    private void publish(int[] prompt, KvCache cache) {
        try {
            int stored = store.publish(prompt, cache, Deadline.after(storeTimeout, ticker));
            metrics.published(stored);
            LOG.info("Stored {} out of total {} tokens", stored, prompt.length);
        } catch (TransferException e) {
            metrics.storeFailed();
            LOG.warn("could not keep the KV cache of a prompt of {} tokens: {}", prompt.length, e.error());
        }
    }
}
