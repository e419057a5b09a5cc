package com.example.shm;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/**
 * A process that cannot be taken for another: not for one on another machine or in another container, which counts its
 * processes anew, nor for a later one with the same number. Travels as endpoint and as proposal. Immutable.
 *
 * @param machine the boot id of the kernel
 * @param namespace inode of the namespace that {@code pid} counts in
 * @param pid its number
 * @param startTicks when it started, in the kernel's own unit
 */
record ProcessId(UUID machine, long namespace, int pid, long startTicks) {
    private static final byte VERSION = 1;
    private static final int BYTES = 1 + 4 * Long.BYTES + Integer.BYTES;

    static ProcessId current() throws IOException {
        String machine =
                Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
        String namespace =
                Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString().replaceAll("\\D", "");
        int pid = (int) ProcessHandle.current().pid();
        return new ProcessId(UUID.fromString(machine), Long.parseLong(namespace), pid, ProcessFile.startTicks(pid));
    }

    byte[] encode() {
        return ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .putLong(machine.getMostSignificantBits())
                .putLong(machine.getLeastSignificantBits())
                .putLong(namespace)
                .putInt(pid)
                .putLong(startTicks)
                .array();
    }

    /** Reads what {@link #encode} wrote. It comes from a peer, so nothing about it is believed. */
    static ProcessId decode(ByteBuffer bytes, String what) {
        if (bytes.remaining() != BYTES || bytes.get() != VERSION) {
            throw new TransferException(
                    TransferErrorCode.PROTOCOL_ERROR,
                    Stage.PREPARE,
                    "the peer's " + what + " has " + bytes.limit() + " bytes, expected " + BYTES + " of version "
                            + VERSION);
        }
        return new ProcessId(
                new UUID(bytes.getLong(), bytes.getLong()), bytes.getLong(), bytes.getInt(), bytes.getLong());
    }

    /** Refuses a process whose memory this one cannot see. */
    void requireNeighbour(ProcessId self) {
        if (!machine.equals(self.machine) || namespace != self.namespace) {
            throw new TransferException(
                    TransferErrorCode.INCOMPATIBLE_PEER,
                    Stage.PREPARE,
                    "the peer runs on another machine or in another container; use kvferry.backend = tcp with it");
        }
    }
}
