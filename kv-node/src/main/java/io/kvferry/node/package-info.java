/**
 * A KV-cache node: keeps chunks of KV cache in one registered pool, publishes what it holds, and fetches what others hold.
 *
 * <p>Threads: callers may block only in calls that take a deadline. Requests of peers and orders of the controller run on
 * virtual threads. Start reading at {@link io.kvferry.node.KvNode}.
 */
@NullMarked
package io.kvferry.node;

import org.jspecify.annotations.NullMarked;
