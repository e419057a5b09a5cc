package io.kvferry.cli.bench;

import io.kvferry.spi.ChecksumMode;
import java.time.Duration;

/**
 * What all points of a benchmark have in common.
 *
 * @param memoryBytes how much memory each side walks through
 * @param warmUp how long each point runs before it counts
 * @param duration how long each point is measured
 * @param pipeline transfers that a thread keeps in flight
 * @param standing true for one standing lease per thread, false for a lease per transfer
 * @param checksum whether blocks carry a checksum
 */
public record BenchSettings(
        long memoryBytes, Duration warmUp, Duration duration, int pipeline, boolean standing, ChecksumMode checksum) {}
