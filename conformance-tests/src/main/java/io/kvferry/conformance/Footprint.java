package io.kvferry.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What this process takes of its machine.
 *
 * @param heapBytes live objects
 * @param directBytes direct buffers
 * @param residentBytes memory, as the system counts it
 * @param threads platform threads
 * @param descriptors open files and sockets
 */
record Footprint(long heapBytes, long directBytes, long residentBytes, int threads, long descriptors) {
    /** What a collector and an allocator keep in hand may differ by as much. */
    private static final long SLACK_BYTES = 32L << 20;

    private static final int SLACK_THREADS = 4;

    static Footprint now() {
        System.gc();
        return new Footprint(
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
                ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .filter(pool -> pool.getName().equals("direct"))
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum(),
                resident(),
                ManagementFactory.getThreadMXBean().getThreadCount(),
                openDescriptors());
    }

    /** What has grown since, a line each. */
    List<String> growthSince(Footprint early) {
        List<String> grown = new ArrayList<>();
        grown(grown, "heap bytes", early.heapBytes, heapBytes, SLACK_BYTES);
        grown(grown, "direct bytes", early.directBytes, directBytes, SLACK_BYTES);
        grown(grown, "resident bytes", early.residentBytes, residentBytes, SLACK_BYTES + early.residentBytes / 10);
        grown(grown, "threads", early.threads, threads, SLACK_THREADS);
        grown(grown, "descriptors", early.descriptors, descriptors, 0);
        return grown;
    }

    private static void grown(List<String> grown, String what, long early, long late, long slack) {
        if (late > early + slack) {
            grown.add(what + ": " + early + ", then " + late);
        }
    }

    private static long resident() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return 1024
                    * lines.filter(line -> line.startsWith("VmRSS:"))
                            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                            .findFirst()
                            .orElse(0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long openDescriptors() {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
