package io.kvferry.backend.nccl.adapter;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Opens the machine's libraries before the binding does, so that a missing one is found while nothing is broken yet: a class
 * of the binding that could not load stays broken for the life of the JVM. Loading by absolute path also pins that file,
 * because later look-ups match by the library's own name whatever is loaded first.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class SharedLibraries {
    /** Where CUDA toolkits put the runtime, and where the binding would look next. */
    private static final List<String> CUDART_FOLDERS =
            List.of("/usr/local/cuda/lib64", "/usr/local/cuda-13.1/lib64", "/usr/local/cuda-13.0/lib64");

    /** One library: its key, its name, the configured path and what brings it. */
    private record Wanted(String key, String name, String path, String bringer) {}

    private SharedLibraries() {}

    /** Loads all three, or says which is missing. */
    static Optional<Presence.Absent> load(LibraryPaths paths) {
        List<Wanted> all = List.of(
                new Wanted("kvferry.nccl.cuda-library", "libcuda.so.1", paths.cuda(), "the NVIDIA driver"),
                new Wanted(
                        "kvferry.nccl.cudart-library",
                        "libcudart.so.13",
                        paths.cudart().isEmpty() ? cudart() : paths.cudart(),
                        "CUDA 13 (package cuda-cudart-13-0, or the Python package nvidia-cuda-runtime)"),
                new Wanted(
                        "kvferry.nccl.nccl-library",
                        "libnccl.so.2",
                        paths.nccl(),
                        "NCCL 2.14 or newer (package libnccl2, or the Python package nvidia-nccl-cu13)"));
        return all.stream().map(SharedLibraries::load).flatMap(Optional::stream).findFirst();
    }

    /** The runtime's path where the loader would not find it by its name. */
    private static String cudart() {
        String name = "libcudart.so.13";
        if (opens(name)) {
            return "";
        }
        return CUDART_FOLDERS.stream()
                .map(folder -> Path.of(folder, name))
                .filter(Files::exists)
                .map(Path::toString)
                .findFirst()
                .orElse("");
    }

    @SuppressWarnings("restricted") // the path is the configuration's
    private static Optional<Presence.Absent> load(Wanted library) {
        if (library.path().isEmpty()) {
            return opens(library.name())
                    ? Optional.empty()
                    : Optional.of(missing(library, library.name() + " is not where the loader looks"));
        }
        Path path = Path.of(library.path());
        if (!path.isAbsolute() || !Files.isReadable(path)) {
            return Optional.of(
                    missing(library, library.key() + " = " + path + " is not the absolute path of a readable file"));
        }
        try {
            System.load(path.toString());
            return Optional.empty();
        } catch (UnsatisfiedLinkError e) {
            return Optional.of(missing(library, library.key() + " = " + path + ": " + e.getMessage()));
        }
    }

    @SuppressWarnings("restricted") // what is looked for is not a path that a peer or a user of the library could name
    private static boolean opens(String name) {
        try (Arena arena = Arena.ofConfined()) {
            return SymbolLookup.libraryLookup(name, arena) != null;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static Presence.Absent missing(Wanted library, String detail) {
        return new Presence.Absent(
                Presence.Reason.LIBRARY_MISSING,
                detail,
                "install " + library.bringer() + ", or set " + library.key() + " to the absolute path of "
                        + library.name());
    }
}
