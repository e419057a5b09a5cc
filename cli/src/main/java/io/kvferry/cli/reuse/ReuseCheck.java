package io.kvferry.cli.reuse;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * Proves, or does not, that a decode server begins with KV cache that a prefill server computed.
 *
 * <p>The proof: a prompt that nobody has seen goes to the decode server and must hit nothing (so its counter means something);
 * then a second such prompt goes to the prefill server, and, once that one says it has stored it, a prompt with the same
 * beginning to the decode server. Its hits can only come from the prefill server. A miss is tried again with new prompts only:
 * after it the decode server has computed that beginning itself, and would hit its own.
 *
 * <p><b>Threads:</b> Confined to the thread that runs it.
 */
public final class ReuseCheck {
    private static final int SAMPLE_CHARACTERS = 400;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(250);

    private final ReuseServer prefill;
    private final ReuseServer decode;
    private final ReuseSettings settings;
    private final Ticker ticker;
    private final List<ReuseReport.Figure> figures = new ArrayList<>();
    private final List<String> verdict = new ArrayList<>();

    /**
     * Prepares a check.
     *
     * @param prefill the server that computes first
     * @param decode the server that shall reuse it
     * @param settings how
     * @param ticker the clock
     */
    public ReuseCheck(ReuseServer prefill, ReuseServer decode, ReuseSettings settings, Ticker ticker) {
        this.prefill = prefill;
        this.decode = decode;
        this.settings = settings;
        this.ticker = ticker;
    }

    /** A request to the decode server and what it counted meanwhile. */
    private record Step(
            Completion answer,
            OptionalDouble lookups,
            OptionalDouble hits,
            OptionalDouble fromPeer,
            boolean restarted) {
        /** Tokens that it looked up for each token of the prompt; other users of the server make it grow. */
        double lookupsPerToken() {
            return lookups.orElse(0) / Math.max(1, answer.promptTokens());
        }
    }

    /**
     * Runs the check.
     *
     * @return what it found
     * @throws io.kvferry.spi.TransferException if a server cannot be reached, refuses or does not answer in time
     */
    public ReuseReport run() {
        int characters = characters();
        String cold = Prompts.continued(Prompts.subject(), characters, 1);
        Step control = decode(cold);
        if (!isUsable(control)) {
            return new ReuseReport(false, verdict, figures);
        }
        figure("control: hit tokens", count(control.hits()), "of a prompt that no server has seen; must be 0");
        boolean proved = false;
        @Nullable Completion reused = null;
        String second = "";
        for (int attempt = 1; attempt <= settings.attempts() && !proved; attempt++) {
            verdict.clear();
            String subject = Prompts.subject();
            String first = first(subject, characters);
            second = second(subject, characters);
            if (!prefill(first) || !pauseBefore(attempt)) {
                continue;
            }
            Step step = decode(second);
            reused = step.answer();
            proved = isReuse(step, control, attempt);
        }
        if (reused != null) {
            times(control.answer(), reused);
            compare(second, reused);
        }
        return new ReuseReport(proved, verdict, figures);
    }

    /** How many characters a prompt of the wished length has; asks the server once, as only it knows its tokens. */
    private int characters() {
        Completion sample = decode.client()
                .complete(
                        Prompts.continued(Prompts.subject(), SAMPLE_CHARACTERS, 0),
                        1,
                        Deadline.after(settings.requestTimeout(), ticker));
        int tokens = sample.promptTokens() > 0 ? sample.promptTokens() : SAMPLE_CHARACTERS / 4;
        return Math.max(SAMPLE_CHARACTERS, (int) ((long) settings.promptTokens() * SAMPLE_CHARACTERS / tokens));
    }

    /** Prompts of the user get a beginning of their own too, else an earlier run would answer for this one. */
    private String first(String subject, int characters) {
        String given = settings.first();
        return given == null ? Prompts.continued(subject, characters, 2) : subject + given;
    }

    private String second(String subject, int characters) {
        String given = settings.second();
        if (given != null) {
            return subject + given;
        }
        String shared = first(subject, characters).substring(0, characters / 8 * 7);
        return Prompts.continued(shared, characters, 3);
    }

    private Step decode(String prompt) {
        Optional<Observation> before = decode.observe();
        Completion answer = decode.client()
                .complete(prompt, settings.maxTokens(), Deadline.after(settings.requestTimeout(), ticker));
        Optional<Observation> after = before.isEmpty()
                ? before
                : decode.await(
                        now -> grew(before.get().lookupTokens(), now.lookupTokens())
                                || now.isRestartedSince(before.get()),
                        Deadline.after(settings.countTimeout(), ticker));
        if (before.isEmpty() || after.isEmpty()) {
            OptionalDouble none = OptionalDouble.empty();
            return new Step(answer, none, none, none, false);
        }
        return new Step(
                answer,
                Observation.growth(before.get().lookupTokens(), after.get().lookupTokens()),
                Observation.growth(before.get().hitTokens(), after.get().hitTokens()),
                Observation.growth(before.get().peerTokens(), after.get().peerTokens()),
                after.get().isRestartedSince(before.get()));
    }

    /** Sends the prompt to the prefill server and waits until it says that it has stored it. */
    private boolean prefill(String prompt) {
        Optional<Observation> before = prefill.observe();
        var ignored = prefill.client().complete(prompt, 1, Deadline.after(settings.requestTimeout(), ticker));
        if (before.isEmpty()) {
            note(
                    "the prefill server does not say when it has stored something; give --prefill-metrics or --prefill-log");
            return true;
        }
        Optional<Observation> after = prefill.await(
                now -> grew(before.get().storedTokens(), now.storedTokens()) || now.isRestartedSince(before.get()),
                Deadline.after(settings.countTimeout(), ticker));
        if (after.isEmpty() || after.get().isRestartedSince(before.get())) {
            verdict.add("the prefill server was restarted or lost its metrics during the check; run it again");
            return false;
        }
        OptionalDouble stored =
                Observation.growth(before.get().storedTokens(), after.get().storedTokens());
        if (stored.orElse(0) <= 0) {
            verdict.add("the prefill server did not store the prompt within " + settings.countTimeout()
                    + ": is its KV connector on, and is the prompt at least a chunk long (--prompt-tokens)?");
            return false;
        }
        figure(
                "prefill: stored",
                count(stored),
                "tokens (or requests, in older versions) that it kept; the event to wait for");
        return true;
    }

    /** After a miss, what was stored gets a little longer to become known; there is no event that says so. */
    private boolean pauseBefore(int attempt) {
        if (attempt == 1) {
            return true;
        }
        Duration pause = FIRST_PAUSE.multipliedBy(1L << Math.min(attempt - 2, 5));
        return ReuseServer.pause(pause, Deadline.after(settings.countTimeout(), ticker));
    }

    private boolean isUsable(Step control) {
        if (control.lookups().isEmpty() || control.hits().isEmpty()) {
            verdict.add(
                    "the decode server shows no look-up counters (lmcache:num_lookup_tokens, lmcache:num_lookup_hits): give"
                            + " --decode-metrics or --decode-log; a shorter time to the first token proves nothing by itself");
        } else if (control.restarted()) {
            verdict.add("the decode server was restarted during the check; run it again");
        } else if (control.lookups().getAsDouble() <= 0) {
            verdict.add("the decode server did not look the prompt up within " + settings.countTimeout()
                    + ": is its KV connector on, and is the prompt at least a chunk long (--prompt-tokens)?");
        } else if (control.hits().getAsDouble() > 0) {
            figure("control: hit tokens", count(control.hits()), "of a prompt that no server has seen; must be 0");
            verdict.add("the decode server reports " + count(control.hits())
                    + " hits for a prompt that nobody has seen: somebody else uses it now, or its counter counts something"
                    + " else; run the check while nobody does");
        } else {
            return true;
        }
        return false;
    }

    private boolean isReuse(Step step, Step control, int attempt) {
        figure(
                "attempts",
                String.valueOf(attempt),
                "with new prompts each; more than one means that it takes time to become known");
        figure("decode: looked up", count(step.lookups()), "tokens that the decode server asked the cache for");
        figure("decode: hits", count(step.hits()), "tokens of those that it did not compute: the proof");
        figure(
                "decode: from a peer",
                count(step.fromPeer()),
                "tokens that it says came from another node (requests, in older versions)");
        if (step.restarted()) {
            verdict.add("the decode server was restarted during the check; run it again");
        } else if (step.hits().orElse(0) <= 0) {
            verdict.add("the decode server found nothing of what the prefill server had stored, in " + attempt
                    + " attempts: do both know the same controller, chunk size and key scheme (for vLLM: PYTHONHASHSEED and"
                    + " CPython of at least 3.12)? Is the shared beginning at least a chunk long?");
        } else if (step.lookupsPerToken() > 1.5 * control.lookupsPerToken()
                || step.hits().getAsDouble() > step.lookups().orElse(0)) {
            verdict.add(
                    "the decode server counted more than this check asked it for, so somebody else uses it now: run the"
                            + " check while nobody does");
        } else {
            verdict.add("the decode server did not compute " + count(step.hits())
                    + " tokens of a beginning that only the prefill server had seen");
            return true;
        }
        return false;
    }

    private void times(Completion cold, Completion reused) {
        double ratio = (double) reused.firstTokenNanos() / Math.max(1, cold.firstTokenNanos());
        figure("TTFT from scratch", millis(cold.firstTokenNanos()), "time to the first token of the control prompt");
        figure(
                "TTFT reused",
                millis(reused.firstTokenNanos()),
                "of the prompt with a known beginning; with looking up and moving");
        figure(
                "TTFT ratio",
                String.format(Locale.ROOT, "%.2f", ratio),
                "one pair only, and no proof: load and warm-up move it too");
        figure("TBT", millis(Timings.median(reused.gapNanos())), "median time between tokens");
    }

    /** The prefill server computed that beginning itself, so its answer is an independent witness. */
    private void compare(String prompt, Completion reused) {
        Completion witness = prefill.client()
                .complete(prompt, settings.maxTokens(), Deadline.after(settings.requestTimeout(), ticker));
        boolean same = witness.text().equals(reused.text());
        figure(
                "same answer",
                same ? "yes" : "no",
                same
                        ? "as the prefill server gives to the same prompt"
                        : "the prefill server answers the same prompt otherwise; on a GPU batches may do that, a wrong cache too");
    }

    private void note(String line) {
        figure("note", "", line);
    }

    private void figure(String name, String value, String meaning) {
        figures.removeIf(figure -> figure.name().equals(name));
        figures.add(new ReuseReport.Figure(name, value, meaning));
    }

    private static boolean grew(OptionalDouble before, OptionalDouble after) {
        return Observation.growth(before, after).orElse(0) > 0;
    }

    private static String count(OptionalDouble value) {
        return value.isPresent() ? String.format(Locale.ROOT, "%.0f", value.getAsDouble()) : "not told";
    }

    private static String millis(long nanos) {
        return String.format(Locale.ROOT, "%.1f ms", nanos / 1e6);
    }
}
