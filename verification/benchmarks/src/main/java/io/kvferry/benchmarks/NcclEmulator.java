package io.kvferry.benchmarks;

import io.kvferry.engine.KvFerryConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * CUDA and NCCL on the CPU, as {@code backend-nccl/src/test/c/build.sh} has built them, told to move nothing.
 *
 * @param folder where the libraries are
 */
record NcclEmulator(Path folder) {
    /** Loads the libraries into this JVM, for good, and lets every transfer end at once. */
    @SuppressWarnings("restricted") // the folder is what the person who measures has built
    static NcclEmulator moveNothing(Path folder) {
        Path nccl = folder.resolve("libnccl.so.2").toAbsolutePath();
        System.load(folder.resolve("libcuda.so.1").toAbsolutePath().toString());
        System.load(folder.resolve("libcudart.so.13").toAbsolutePath().toString());
        System.load(nccl.toString());
        SymbolLookup symbols = SymbolLookup.libraryLookup(nccl, Arena.global());
        try {
            Linker.nativeLinker()
                    .downcallHandle(
                            symbols.find("emuNoBytes").orElseThrow(),
                            FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
                    .invokeExact(1);
        } catch (Throwable e) {
            throw new IllegalStateException("the emulator in " + folder + " does not answer", e);
        }
        return new NcclEmulator(folder);
    }

    /** Adds where the backend finds them. */
    KvFerryConfig.Builder configure(KvFerryConfig.Builder config) {
        return config.set("kvferry.backend", "nccl")
                .set("kvferry.nccl.cuda-library", path("libcuda.so.1"))
                .set("kvferry.nccl.cudart-library", path("libcudart.so.13"))
                .set("kvferry.nccl.nccl-library", path("libnccl.so.2"))
                .set("kvferry.nccl.cache-dir", path("cache"));
    }

    private String path(String name) {
        return folder.resolve(name).toAbsolutePath().toString();
    }
}
