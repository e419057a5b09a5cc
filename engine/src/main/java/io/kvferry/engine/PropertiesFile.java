package io.kvferry.engine;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** Reads the syntax of {@link Properties} in UTF-8 and, unlike that class, keeps the line numbers. */
final class PropertiesFile {
    private PropertiesFile() {}

    /** What the file sets, in order; what cannot be read goes to {@code mistakes}. */
    static List<ConfigSetting> read(Path file, List<String> mistakes) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (NoSuchFileException e) {
            mistakes.add(file + ": there is no such file");
            return List.of();
        } catch (IOException e) {
            mistakes.add(file + ": cannot be read (" + e + "); name an existing text file in UTF-8");
            return List.of();
        }
        List<ConfigSetting> settings = new ArrayList<>();
        Map<String, String> sources = new HashMap<>();
        int next = 0;
        while (next < lines.size()) {
            int first = next;
            StringBuilder logical = new StringBuilder(lines.get(next++));
            while (next < lines.size() && continues(logical)) {
                logical.append('\n').append(lines.get(next++));
            }
            String source = file + ":" + (first + 1);
            for (ConfigSetting setting : parse(logical.toString(), source, mistakes)) {
                String earlier = sources.put(setting.name(), source);
                if (earlier != null) {
                    mistakes.add(setting.name() + " (" + source + "): set before at " + earlier + "; remove one");
                }
                settings.add(setting);
            }
        }
        return settings;
    }

    private static boolean continues(CharSequence line) {
        int start = 0;
        while (start < line.length() && Character.isWhitespace(line.charAt(start))) {
            start++;
        }
        if (start < line.length() && (line.charAt(start) == '#' || line.charAt(start) == '!')) {
            return false;
        }
        int backslashes = 0;
        while (backslashes < line.length() && line.charAt(line.length() - 1 - backslashes) == '\\') {
            backslashes++;
        }
        return backslashes % 2 == 1;
    }

    private static List<ConfigSetting> parse(String logical, String source, List<String> mistakes) {
        Properties parsed = new Properties();
        try {
            parsed.load(new StringReader(logical));
        } catch (IOException | IllegalArgumentException e) {
            mistakes.add(source + ": " + e.getMessage());
        }
        return parsed.stringPropertyNames().stream()
                .map(name -> new ConfigSetting(name, parsed.getProperty(name), source))
                .toList();
    }
}
