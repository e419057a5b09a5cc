/**
 * Verbs: libibverbs through {@code java.lang.foreign}, reliable connections only. Nothing of it is seen outside but the
 * adapter. One thread per device makes every native call on queue pairs and completion queues; registration and
 * deregistration happen on the caller's. Start reading at {@code VerbsDevice}.
 */
@NullMarked
package io.kvferry.backend.rdma.verbs;

import org.jspecify.annotations.NullMarked;
