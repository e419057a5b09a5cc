package io.kvferry.backend.mooncake;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The library of {@code src/test/c}, built by gcc when a test first wants it: the real binding runs on it. */
final class StubLibrary {
    private static final Path HOME = Path.of("target/stub");

    private final String path;
    private final SymbolLookup symbols;

    private StubLibrary(String path) {
        this.path = path;
        this.symbols = SymbolLookup.libraryLookup(Path.of(path), Arena.global());
    }

    /** The API as it is since v0.3.12. */
    static StubLibrary current() {
        return new StubLibrary(build("libtransfer_engine.so"));
    }

    /** The API as it was before. */
    static String old() {
        return build("libtransfer_engine_old.so", "-DOLD");
    }

    private static synchronized String build(String name, String... options) {
        try {
            Path library = Files.createDirectories(HOME).resolve(name).toAbsolutePath();
            Path log = HOME.resolve(name + ".log");
            List<String> command = new ArrayList<>(
                    List.of("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", library.toString()));
            command.addAll(List.of(options));
            command.addAll(List.of("src/test/c/transfer_engine_stub.c", "-lpthread"));
            Process compiler = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            if (!compiler.waitFor(60, TimeUnit.SECONDS) || compiler.exitValue() != 0) {
                compiler.destroyForcibly();
                throw new AssertionError(
                        "the stub does not compile; it needs gcc (Debian packages gcc and libc6-dev):\n"
                                + Files.readString(log, StandardCharsets.UTF_8));
            }
            return library.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while compiling the stub", e);
        }
    }

    String path() {
        return path;
    }

    /** Sets a switch: late, busy, stall or fail. */
    void set(String what, int value) {
        try (Arena arena = Arena.ofConfined()) {
            Linker.nativeLinker()
                    .downcallHandle(
                            symbols.findOrThrow("stubSet"),
                            FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_INT))
                    .invokeExact(arena.allocateFrom(what), value);
        } catch (Throwable e) {
            throw new AssertionError(what, e);
        }
    }

    /** How many engines or batches there are, or how often a segment was opened without the cache. */
    int count(String what) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(what);
            return (int) Linker.nativeLinker()
                    .downcallHandle(
                            symbols.findOrThrow("stubCount"),
                            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS))
                    .invokeExact(name);
        } catch (Throwable e) {
            throw new AssertionError(what, e);
        }
    }
}
