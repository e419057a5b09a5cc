package io.kvferry.backend.nccl;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The libraries of {@code src/test/c}, built by gcc when a test first wants them: the real binding runs on them. Without a
 * compiler the tests fail, because what they prove would not be proved.
 */
final class Emulator {
    private static final Path HOME = Path.of("target", "nccl-emulator").toAbsolutePath();
    private static final Path SOURCES = Path.of("src", "test", "c");
    private static final List<String> LIBRARIES = List.of("libcuda.so.1", "libcudart.so.13", "libnccl.so.2");
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

    /** Test processes run beside each other; whoever comes first builds. */
    private static void build() {
        try (FileChannel lock = FileChannel.open(
                        Files.createDirectories(HOME).resolve("build.lock"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
                FileLock _ = lock.lock()) {
            if (!isBuilt()) {
                compile(HOME.resolve("build.log"));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether each library is newer than all that it is made of. */
    private static boolean isBuilt() throws IOException {
        try (Stream<Path> sources = Files.list(SOURCES)) {
            for (Path source : sources.toList()) {
                for (String library : LIBRARIES) {
                    Path made = HOME.resolve(library);
                    if (!Files.exists(made)
                            || Files.getLastModifiedTime(made).compareTo(Files.getLastModifiedTime(source)) < 0) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    private static void compile(Path log) {
        try {
            Process compiler = new ProcessBuilder(
                            "bash", SOURCES.resolve("build.sh").toString(), HOME.toString())
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
        try {
            find(control, FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT)).invokeExact(on ? 1 : 0);
        } catch (Throwable e) {
            throw new AssertionError(control, e);
        }
    }

    /** Asks the emulator for something it has seen, such as {@code emuMaxCtas}, in this JVM. */
    static int get(String seen) {
        try {
            return (int) find(seen, FunctionDescriptor.of(ValueLayout.JAVA_INT)).invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(seen, e);
        }
    }

    private static MethodHandle find(String name, FunctionDescriptor type) {
        load();
        SymbolLookup symbols = SymbolLookup.libraryLookup(Path.of(library("libnccl.so.2")), Arena.global());
        return Linker.nativeLinker().downcallHandle(symbols.find(name).orElseThrow(), type);
    }
}
