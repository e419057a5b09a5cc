package com.example.shm;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The four calls of the C library that Java has not. As the kernel does, each answers a negative errno in place of a result.
 * Thread-safe. Loaded at the first call, so that a machine without them can still say so.
 */
final class Libc {
    static final int EPERM = 1;
    static final int ESRCH = 3;

    private static final int MFD_CLOEXEC = 1;
    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final FunctionDescriptor PROCESS_VM = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);
    private static final MethodHandle PROCESS_VM_READV = find("process_vm_readv", PROCESS_VM);
    private static final MethodHandle PROCESS_VM_WRITEV = find("process_vm_writev", PROCESS_VM);
    private static final MethodHandle MEMFD_CREATE = find(
            "memfd_create",
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
    private static final MethodHandle CLOSE =
            find("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

    private Libc() {}

    @SuppressWarnings("restricted") // a wrong type here would corrupt memory: they are those of the manual pages
    private static MethodHandle find(String name, FunctionDescriptor type) {
        MemorySegment symbol = LINKER.defaultLookup()
                .find(name)
                .orElseThrow(() -> new UnsupportedOperationException("this C library has no " + name));
        return LINKER.downcallHandle(symbol, type, Linker.Option.captureCallState("errno"));
    }

    /** Memory for the errno of one thread's calls. */
    static MemorySegment state(Arena arena) {
        return arena.allocate(STATE);
    }

    /** Copies a batch from process {@code pid}; returns how many bytes. */
    static long readFrom(int pid, CopyBatch batch) {
        return processVm(PROCESS_VM_READV, pid, batch);
    }

    /** Copies a batch to process {@code pid}; returns how many bytes. */
    static long writeTo(int pid, CopyBatch batch) {
        return processVm(PROCESS_VM_WRITEV, pid, batch);
    }

    private static long processVm(MethodHandle call, int pid, CopyBatch batch) {
        try {
            long count = batch.size();
            long moved = (long) call.invokeExact(batch.state(), pid, batch.local(), count, batch.remote(), count, 0L);
            return moved < 0 ? -(int) ERRNO.get(batch.state(), 0L) : moved;
        } catch (Throwable e) {
            throw new AssertionError("a native call throws nothing", e);
        }
    }

    /** Makes a file that has no name in any folder and is gone with its last user; returns its descriptor. */
    static int memfdCreate(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = state(arena);
            int fd = (int) MEMFD_CREATE.invokeExact(state, arena.allocateFrom(name), MFD_CLOEXEC);
            return fd < 0 ? -(int) ERRNO.get(state, 0L) : fd;
        } catch (Throwable e) {
            throw new AssertionError("a native call throws nothing", e);
        }
    }

    static void close(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            int ignored = (int) CLOSE.invokeExact(state(arena), fd);
        } catch (Throwable e) {
            throw new AssertionError("a native call throws nothing", e);
        }
    }
}
