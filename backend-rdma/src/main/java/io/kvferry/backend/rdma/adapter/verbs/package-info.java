/**
 * Verbs: libibverbs through {@code java.lang.foreign}, reliable connections only. Nothing native is seen outside.
 *
 * <p>Threads: as {@link io.kvferry.backend.rdma.adapter} says; all posting and polling is on the owner thread, while
 * registration and the making of queue pairs happen on the caller's. Start reading at {@code VerbsAdapter}, then {@code
 * VerbsConnection}, then {@code QueuePair}.
 */
@NullMarked
package io.kvferry.backend.rdma.adapter.verbs;

import org.jspecify.annotations.NullMarked;
