package io.kvferry.control.lmcache;

/** A chunk came to or left a place of a worker; {@code sequence} counts the operations of that place, 0 where nobody counts. */
record KvOperation(boolean admit, long key, long sequence) {}
