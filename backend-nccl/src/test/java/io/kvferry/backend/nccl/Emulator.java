package io.kvferry.backend.nccl;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The libraries of {@code src/test/c}, built by gcc when a test first wants them: the real binding runs on them. Without a
 * compiler the tests fail, because what they prove would not be proved.
 */
final class Emulator {
    private static final Path HOME = Path.of("target", "nccl-emulator").toAbsolutePath();
    private static final Map<String, String> CONFIG = Map.of(
            "kvferry.nccl.cuda-library", library("libcuda.so.1"),
            "kvferry.nccl.cudart-library", library("libcudart.so.13"),
            "kvferry.nccl.nccl-library", library("libnccl.so.2"),
            "kvferry.nccl.cache-dir", HOME.resolve("cache").toString());

    private static boolean built;
    private static boolean loaded;

    private Emulator() {}

    private static String library(String name) {
        return HOME.resolve(name).toString();
    }

    /** Builds the libraries once, and says how a backend finds them. */
    static synchronized Map<String, String> config() {
        if (!built) {
            build();
            built = true;
        }
        return CONFIG;
    }

    private static void build() {
        try {
            Path log = Files.createDirectories(HOME).resolve("build.log");
            Process compiler = new ProcessBuilder("bash", "src/test/c/build.sh", HOME.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            if (!compiler.waitFor(60, TimeUnit.SECONDS) || compiler.exitValue() != 0) {
                compiler.destroyForcibly();
                throw new AssertionError("the NCCL emulator does not compile; it needs gcc (Debian packages gcc and"
                        + " libc6-dev):\n" + Files.readString(log, StandardCharsets.UTF_8));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while compiling the emulator", e);
        }
    }

    /** Loads the libraries into this JVM, so that a backend finds them by their names too. */
    static synchronized void load() {
        if (!loaded) {
            config();
            System.load(library("libcuda.so.1"));
            System.load(library("libcudart.so.13"));
            System.load(library("libnccl.so.2"));
            System.setProperty("org.bytedeco.javacpp.cachedir", CONFIG.get("kvferry.nccl.cache-dir"));
            loaded = true;
        }
    }

    /** Calls one of the emulator's own switches, such as {@code emuFreeze}, in this JVM. */
    static void set(String control, boolean on) {
        load();
        SymbolLookup symbols = SymbolLookup.libraryLookup(Path.of(library("libnccl.so.2")), Arena.global());
        try {
            Linker.nativeLinker()
                    .downcallHandle(
                            symbols.find(control).orElseThrow(), FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
                    .invokeExact(on ? 1 : 0);
        } catch (Throwable e) {
            throw new AssertionError(control, e);
        }
    }
}
