/**
 * What the engine costs by itself, and what KVFerry reaches beside its peers in one run.
 *
 * <p>Threads: as each benchmark says. Start reading at {@link io.kvferry.benchmarks.EngineOverhead}.
 */
@NullMarked
package io.kvferry.benchmarks;

import org.jspecify.annotations.NullMarked;
