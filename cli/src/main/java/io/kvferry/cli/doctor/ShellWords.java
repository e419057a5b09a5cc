package io.kvferry.cli.doctor;

import java.util.ArrayList;
import java.util.List;

/** Splits a command into words as a shell does: quotes, backslashes, comments. Variables stay as they are written. */
final class ShellWords {
    private final List<String> words = new ArrayList<>();
    private final StringBuilder word = new StringBuilder();
    private boolean inWord;

    private ShellWords() {}

    static List<String> of(String text) {
        ShellWords words = new ShellWords();
        words.split(text);
        return words.words;
    }

    private void split(String text) {
        char quote = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean escapes = c == '\\' && quote != '\'' && i + 1 < text.length();
            if (escapes) {
                i++;
                escaped(text.charAt(i), quote);
            } else if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                } else {
                    word.append(c);
                }
            } else if (c == '\'' || c == '"') {
                quote = c;
                inWord = true;
            } else if (c == '#' && !inWord) {
                i = endOfLine(text, i);
            } else if (Character.isWhitespace(c) || c == ';' || c == '&') {
                end();
            } else {
                append(c);
            }
        }
        end();
    }

    private void escaped(char c, char quote) {
        if (c == '\n') {
            return; // the command goes on in the next line
        }
        if (quote == '"' && c != '"' && c != '\\' && c != '$') {
            word.append('\\');
        }
        append(c);
    }

    private static int endOfLine(String text, int from) {
        int end = text.indexOf('\n', from);
        return end < 0 ? text.length() : end;
    }

    private void append(char c) {
        word.append(c);
        inWord = true;
    }

    private void end() {
        if (inWord) {
            words.add(word.toString());
        }
        word.setLength(0);
        inWord = false;
    }
}
