/**
 * Measures what an application would see: bandwidth, the time of each step of a transfer, and CPU on both sides.
 *
 * <p>Threads: each type says its own. Start reading at {@link io.kvferry.cli.bench.Bench}, the initiator, and
 * {@link io.kvferry.cli.bench.BenchTarget}, the far side.
 */
@NullMarked
package io.kvferry.cli.bench;

import org.jspecify.annotations.NullMarked;
