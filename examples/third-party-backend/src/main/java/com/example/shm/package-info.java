/**
 * A backend for two processes of one machine. The initiator's process copies, with {@code process_vm_readv} and
 * {@code process_vm_writev}: the kernel moves the bytes from one address space to the other in one copy, and the target's
 * threads do nothing. What the target has to say about it, "not any more", stands in a page of memory that both share.
 *
 * <p>Read {@link com.example.shm.ShmBackend} first, then {@link com.example.shm.LeasePage}. What it guarantees, and what it
 * cannot, is in the {@code README.md} beside the sources.
 */
@NullMarked
package com.example.shm;

import org.jspecify.annotations.NullMarked;
