package io.kvferry.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.TestWatcher;

/**
 * Writes {@code target/conformance/<backend>.json}: what passed, was refused because it is not declared, failed, and was
 * skipped and why, with the versions, the seed and whether the adapter was real. {@code -Dkvferry.conformance.report} names
 * another folder; without it nothing is written where no build has made a {@code target}, nor by {@link ConformanceLauncher}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class ConformanceReport implements TestWatcher {
    /** Names the folder to write to. */
    static final String FOLDER = "kvferry.conformance.report";

    private static final Namespace NAMESPACE = Namespace.create(ConformanceReport.class);

    /** Made by JUnit. */
    public ConformanceReport() {}

    @Override
    public void testSuccessful(ExtensionContext context) {
        Page page = page(context);
        (suite(context).isRefused() ? page.refused : page.passed).add(name(context));
    }

    @Override
    public void testFailed(ExtensionContext context, Throwable cause) {
        page(context).failed.put(name(context), String.valueOf(cause.getMessage()));
    }

    @Override
    public void testAborted(ExtensionContext context, Throwable cause) {
        page(context).skipped.put(name(context), String.valueOf(cause.getMessage()));
    }

    @Override
    public void testDisabled(ExtensionContext context, Optional<String> reason) {
        // nobody may switch a rule off, so this counts as a failure
        page(context).failed.put(name(context), "disabled: " + reason.orElse("without a reason"));
    }

    private static String name(ExtensionContext context) {
        return context.getRequiredTestMethod().getName();
    }

    private static Page page(ExtensionContext context) {
        BackendHarness harness = suite(context).harness();
        return context.getRoot()
                .getStore(NAMESPACE)
                .getOrComputeIfAbsent(
                        harness.name(),
                        name -> new Page(harness, context.getConfigurationParameter(FOLDER)),
                        Page.class);
    }

    private static ConformanceSuite suite(ExtensionContext context) {
        return context.getTestInstance()
                .filter(ConformanceSuite.class::isInstance)
                .map(ConformanceSuite.class::cast)
                .orElseThrow(() -> new IllegalStateException("this extension belongs to conformance suites"));
    }

    /** All results of one harness in this run. JUnit closes it when the run ends. */
    private static final class Page implements AutoCloseable {
        private final String name;
        private final Optional<String> folderName;
        private final String adapter;
        private final List<String> passed = new CopyOnWriteArrayList<>();
        private final List<String> refused = new CopyOnWriteArrayList<>();
        private final Map<String, String> failed = new ConcurrentHashMap<>();
        private final Map<String, String> skipped = new ConcurrentHashMap<>();

        /** An empty folder name is none at all. */
        Page(BackendHarness harness, Optional<String> folderName) {
            this.folderName = folderName;
            this.name = harness.name();
            this.adapter = harness.isReal() ? "real" : harness.isEmulated() ? "emulator" : "fake";
        }

        @Override
        public void close() {
            if (folderName.map(String::isEmpty).orElseGet(() -> !Files.isDirectory(Path.of("target")))) {
                return;
            }
            Path folder = folderName.map(Path::of).orElse(Path.of("target", "conformance"));
            try {
                Files.createDirectories(folder);
                Files.writeString(folder.resolve(name + ".json"), json());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private String json() {
            StringBuilder out = new StringBuilder("{\n");
            field(out, "backend", quote(name)).append(",\n");
            field(out, "adapter", quote(adapter)).append(",\n");
            field(out, "kit", quote(version())).append(",\n");
            field(out, "java", quote(Runtime.version().toString())).append(",\n");
            field(out, "seed", String.valueOf(Seed.base())).append(",\n");
            field(out, "passed", list(passed)).append(",\n");
            field(out, "refused", list(refused)).append(",\n");
            field(out, "failed", map(failed)).append(",\n");
            field(out, "skipped", map(skipped)).append('\n');
            return out.append("}\n").toString();
        }

        private static String version() {
            return Objects.requireNonNullElse(
                    ConformanceReport.class.getPackage().getImplementationVersion(), "development");
        }

        private static StringBuilder field(StringBuilder out, String key, String value) {
            return out.append("  ").append(quote(key)).append(": ").append(value);
        }

        private static String list(List<String> names) {
            return names.stream().sorted().map(Page::quote).toList().toString();
        }

        private static String map(Map<String, String> reasons) {
            List<String> entries = new TreeMap<>(reasons)
                    .entrySet().stream()
                            .map(entry -> quote(entry.getKey()) + ": " + quote(entry.getValue()))
                            .toList();
            return "{" + String.join(", ", entries) + "}";
        }

        private static String quote(String text) {
            StringBuilder out = new StringBuilder("\"");
            text.chars().forEach(c -> {
                if (c == '"' || c == '\\') {
                    out.append('\\').append((char) c);
                } else if (c < 0x20) {
                    out.append(String.format("\\u%04x", c));
                } else {
                    out.append((char) c);
                }
            });
            return out.append('"').toString();
        }
    }
}
