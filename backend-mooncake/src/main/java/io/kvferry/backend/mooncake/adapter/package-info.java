/**
 * What the native engine is driven through: Mooncake's transfer engine as far as this backend uses it, and its binding to
 * {@code libtransfer_engine}. No type of the library leaves this package. Not for users: may change at any time.
 *
 * <p>Threads: each type says; the transfer calls of one adapter come from one thread. Read {@link
 * io.kvferry.backend.mooncake.adapter.MooncakeAdapter} first.
 */
@NullMarked
package io.kvferry.backend.mooncake.adapter;

import org.jspecify.annotations.NullMarked;
