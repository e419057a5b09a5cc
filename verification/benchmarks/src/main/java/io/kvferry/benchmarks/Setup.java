package io.kvferry.benchmarks;

import java.nio.file.Path;
import java.time.Duration;

/**
 * What all measurements of a comparison have in common.
 *
 * @param folder a folder of ours for their files
 * @param java the command that runs Java
 * @param kvferryJar the command line of KVFerry
 * @param benchmarksJar the JMH benchmarks
 * @param peer the compiled C program
 * @param congestion congestion control of every socket
 * @param warmUp time of ours before each measurement, for the compiler of the JVM
 * @param seconds time of each measurement
 * @param sockets what the kernel says about connections
 */
record Setup(
        Path folder,
        String java,
        Path kvferryJar,
        Path benchmarksJar,
        Path peer,
        String congestion,
        Duration warmUp,
        Duration seconds,
        Sockets sockets) {}
