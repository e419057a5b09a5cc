package io.kvferry.cli.reuse;

import java.util.List;

/**
 * What a check found.
 *
 * @param isProved whether the second server reused what the first had computed
 * @param verdict why, or what is missing and what to do about it; one line each
 * @param figures what was seen, with what it means
 */
public record ReuseReport(boolean isProved, List<String> verdict, List<Figure> figures) {
    /**
     * Something that was seen.
     *
     * @param name what
     * @param value how much
     * @param meaning what it says, and what it does not
     */
    public record Figure(String name, String value, String meaning) {}
}
