package com.example.shm;

import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Tells whether one process still runs. An open {@code /proc/PID/stat} belongs to that process alone: once it has ended,
 * reading fails, even when another process has got its number. Thread-safe.
 */
final class ProcessFile implements AutoCloseable {
    private static final int STATE = 0;
    private static final int START_TICKS = 19;

    private final RandomAccessFile stat; // not a channel: those close when a caller is interrupted
    private final byte[] line = new byte[1024];

    private ProcessFile(RandomAccessFile stat) {
        this.stat = stat;
    }

    /** Opens the file of a process, and refuses another one that has its number by now. */
    static ProcessFile open(ProcessId process) {
        try {
            ProcessFile file = new ProcessFile(new RandomAccessFile(path(process.pid()).toFile(), "r"));
            if (file.isAlive() && startTicks(process.pid()) == process.startTicks()) {
                return file;
            }
            file.close();
        } catch (IOException e) {
            // no such process: the same as one that has ended
        }
        throw new TransferException(
                TransferErrorCode.PEER_RESTARTED,
                Stage.PREPARE,
                "process " + process.pid() + " of the peer has ended; meet the peer again");
    }

    static long startTicks(int pid) throws IOException {
        return Long.parseLong(fields(Files.readString(path(pid)))[START_TICKS]);
    }

    private static Path path(int pid) {
        return Path.of("/proc", String.valueOf(pid), "stat");
    }

    /** The fields behind the name of the program, which may itself contain spaces and brackets. */
    private static String[] fields(String stat) {
        return stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    }

    /** False for good once the process has ended: then none of its threads copies any more. */
    synchronized boolean isAlive() {
        try {
            stat.seek(0);
            int length = stat.read(line);
            String state = fields(new String(line, 0, length, StandardCharsets.ISO_8859_1))[STATE];
            return !state.equals("Z") && !state.equals("X");
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public void close() {
        try {
            stat.close();
        } catch (IOException e) {
            // only read from
        }
    }
}
