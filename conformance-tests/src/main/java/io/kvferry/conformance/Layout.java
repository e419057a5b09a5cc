package io.kvferry.conformance;

import io.kvferry.engine.Memory;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Operation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Where the same blocks lie in two memories; all bytes of both memories are filled, so that a stray one is found. */
final class Layout {
    private static final long POISON = 0xDEADBEEFL;

    private final Memory source;
    private final Memory destination;
    private final BlockList sourceBlocks;
    private final BlockList destinationBlocks;
    private final MemorySegment before;
    private final MemorySegment expected;

    /** Fills both memories and remembers what the destination must be once the blocks have been moved. */
    Layout(Memory source, Memory destination, BlockList sourceBlocks, BlockList destinationBlocks, long seed) {
        this.source = source;
        this.destination = destination;
        this.sourceBlocks = sourceBlocks;
        this.destinationBlocks = destinationBlocks;
        fill(source, seed);
        fill(destination, ~seed);
        this.before = copyOf(destination);
        this.expected = copyOf(destination);
        MemorySegment bytes = copyOf(source);
        for (int i = 0; i < sourceBlocks.size(); i++) {
            int at = destinationBlocks.position(sourceBlocks.key(i));
            if (at >= 0) {
                MemorySegment.copy(
                        bytes, sourceBlocks.offset(i), expected, destinationBlocks.offset(at), sourceBlocks.length(i));
            }
        }
    }

    /** Equal blocks, one behind the other, at the same place on both sides. */
    static Layout uniform(Memory source, Memory destination, long blockBytes, int count, long seed) {
        return new Layout(
                source,
                destination,
                BlockList.uniform(source.region(), 0, 0, blockBytes, count),
                BlockList.uniform(destination.region(), 0, 0, blockBytes, count),
                seed);
    }

    /** Blocks of random lengths at random places, in another order on each side, with gaps. */
    static Layout random(Memory source, Memory destination, int count, Random random) {
        long room = Math.min(source.region().sizeBytes(), destination.region().sizeBytes());
        long[] lengths = new long[count];
        long share = room / count;
        for (int i = 0; i < count; i++) {
            lengths[i] = 1 + random.nextLong(share);
        }
        return new Layout(
                source,
                destination,
                scattered(source, lengths, share, random),
                scattered(destination, lengths, share, random),
                random.nextLong());
    }

    private static BlockList scattered(Memory memory, long[] lengths, long share, Random random) {
        List<Integer> slots = new ArrayList<>();
        List<Integer> keys = new ArrayList<>();
        for (int i = 0; i < lengths.length; i++) {
            slots.add(i);
            keys.add(i);
        }
        Collections.shuffle(slots, random);
        Collections.shuffle(keys, random);
        BlockList.Builder builder = BlockList.builder(lengths.length);
        for (int i = 0; i < lengths.length; i++) {
            int key = keys.get(i);
            long slack = share - lengths[key];
            long offset = slots.get(i) * share + (slack == 0 ? 0 : random.nextLong(slack + 1));
            builder.add(key * 1_000_003L - 17, memory.region(), offset, lengths[key]);
        }
        return builder.build();
    }

    /** Fresh memory on both sides with equal blocks; the source is with whoever {@code operation} takes bytes from. */
    static Layout on(Bed bed, Operation operation, long blockBytes, int count, long seed) {
        Memory here = bed.initiator().memory(blockBytes * count + 128);
        Memory there = bed.target().memory(blockBytes * count + 128);
        boolean write = operation == Operation.WRITE;
        return uniform(write ? here : there, write ? there : here, blockBytes, count, seed);
    }

    /** The same blocks with other bytes. */
    Layout refilled(long seed) {
        return new Layout(source, destination, sourceBlocks, destinationBlocks, seed);
    }

    /** The initiator's blocks. */
    BlockList local(Operation operation) {
        return operation == Operation.WRITE ? sourceBlocks : destinationBlocks;
    }

    /** The target's blocks. */
    BlockList remote(Operation operation) {
        return operation == Operation.WRITE ? destinationBlocks : sourceBlocks;
    }

    BlockList sourceBlocks() {
        return sourceBlocks;
    }

    BlockList destinationBlocks() {
        return destinationBlocks;
    }

    /** Fails unless every byte of the destination is what it must be, outside the blocks too. */
    void assertMoved() {
        assertSame("the destination after the transfer", expected, copyOf(destination));
    }

    /** Fails if a byte of the destination was touched since it was filled. */
    void assertNotMoved() {
        assertSame("a destination that nothing may write", before, copyOf(destination));
    }

    /** Fills the destination anew, so that a late write is found by {@link #assertPoisoned}. */
    void poison() {
        poison(destination);
    }

    /** Fails if a byte of the destination has changed since it was poisoned. */
    void assertPoisoned() {
        assertPoisoned(destination);
    }

    /** Fills a memory so that a late write is found by {@link #assertPoisoned(Memory)}. */
    static void poison(Memory memory) {
        fill(memory, POISON);
    }

    /** Fails if a byte of a memory has changed since it was poisoned. */
    static void assertPoisoned(Memory memory) {
        MemorySegment poison = blank(memory.region().sizeBytes());
        fill(poison, POISON);
        assertSame("memory that was given back and poisoned", poison, copyOf(memory));
    }

    Memory destination() {
        return destination;
    }

    Memory source() {
        return source;
    }

    static void assertSame(String what, MemorySegment expected, MemorySegment actual) {
        long at = expected.mismatch(actual);
        if (at >= 0) {
            throw new AssertionError(what + " differs from byte " + at + " of " + expected.byteSize() + " on");
        }
    }

    /** What a memory holds now, wherever it is. */
    static MemorySegment copyOf(Memory memory) {
        return copyOf(memory, 0, memory.region().sizeBytes());
    }

    /** What a piece of a memory holds now. */
    static MemorySegment copyOf(Memory memory, long offset, long bytes) {
        MemorySegment copy = blank(bytes);
        memory.read(offset, copy);
        return copy;
    }

    private static MemorySegment blank(long bytes) {
        return MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]);
    }

    /** Pseudo-random bytes that depend on the seed and on their place alone. */
    static void fill(Memory memory, long seed) {
        MemorySegment bytes = blank(memory.region().sizeBytes());
        fill(bytes, seed);
        memory.write(0, bytes);
    }

    /** By way of an array: storing into a segment word by word costs far more while the JVM is young. */
    private static void fill(MemorySegment segment, long seed) {
        long words = segment.byteSize() / 8;
        long[] some = new long[(int) Math.min(words, 1 << 13)];
        long state = seed;
        for (long at = 0; at < words; at += some.length) {
            int count = (int) Math.min(some.length, words - at);
            for (int i = 0; i < count; i++) {
                state += 0x9E3779B97F4A7C15L;
                some[i] = state ^ (state >>> 29);
            }
            MemorySegment.copy(some, 0, segment, ValueLayout.JAVA_LONG_UNALIGNED, at * 8, count);
        }
        for (long i = words * 8; i < segment.byteSize(); i++) {
            segment.set(ValueLayout.JAVA_BYTE, i, (byte) (seed + i));
        }
    }
}
