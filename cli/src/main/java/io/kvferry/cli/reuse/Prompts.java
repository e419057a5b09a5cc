package io.kvferry.cli.reuse;

import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * Prompts that no server can have seen, so that what is found of them was put there by this run. Each begins with a text of its
 * own; two prompts of one subject share everything up to where they differ.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it.
 */
public final class Prompts {
    private static final List<String> WORDS = List.of(
            "harbour", "cargo", "evening", "carries", "slowly", "the", "a", "between", "bridge", "water", "two",
            "cities", "under", "light", "every", "machine", "keeps", "what", "was", "said", "before", "and", "answers",
            "with", "long", "river", "engine", "captain", "crosses", "morning", "small", "ferry");

    private Prompts() {}

    /**
     * Makes the beginning of a subject.
     *
     * @return a text that was never used before
     */
    public static String subject() {
        return "Report " + UUID.randomUUID() + ". ";
    }

    /**
     * Continues a text with words.
     *
     * @param text its beginning
     * @param characters how long the result is; at least as long as the beginning
     * @param seed which words
     * @return the longer text
     */
    public static String continued(String text, int characters, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        StringBuilder result = new StringBuilder(text);
        while (result.length() < characters) {
            result.append(WORDS.get(random.nextInt(WORDS.size()))).append(' ');
        }
        return result.substring(0, Math.max(characters, text.length()));
    }
}
