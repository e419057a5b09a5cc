/**
 * What controllers share, in etcd: any number of them serve at once, and what one of them stored outlives it.
 *
 * <p>Threads: callers block in calls with a deadline; listeners are called by one thread of the store. Start reading at
 * {@link io.kvferry.control.etcd.EtcdStoreProvider}, then {@code EtcdStore}.
 */
@NullMarked
package io.kvferry.control.etcd;

import org.jspecify.annotations.NullMarked;
