/**
 * What the RDMA backend needs of a library that moves bytes from one process's memory to another's, and nothing of any
 * library. Each library has a package of its own below this one, and no type of it leaves that package.
 *
 * <p>Threads: one <em>owner</em> thread drives an adapter: it alone calls what is marked so, and hears all events. Start
 * reading at {@link io.kvferry.backend.rdma.adapter.RdmaAdapter}.
 */
@NullMarked
package io.kvferry.backend.rdma.adapter;

import org.jspecify.annotations.NullMarked;
