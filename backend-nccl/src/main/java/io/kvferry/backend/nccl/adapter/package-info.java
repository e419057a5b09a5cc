/**
 * The two native libraries behind narrow interfaces: CUDA's runtime and NCCL. All logic is above, and none of the library's
 * types and codes leave this package.
 *
 * <p>For the backend alone, not for users of KVFerry. Threads: every type states its own rule. Start reading at {@link
 * io.kvferry.backend.nccl.adapter.NcclLibrary}.
 */
@NullMarked
package io.kvferry.backend.nccl.adapter;

import org.jspecify.annotations.NullMarked;
