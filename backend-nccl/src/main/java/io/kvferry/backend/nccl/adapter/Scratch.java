package io.kvferry.backend.nccl.adapter;

import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.javacpp.Pointer;

/**
 * The binding's pointers of one thread, pointed anew for each call: calls that are made for every block or look leave no
 * garbage. What is returned is good until the same method is called again. Confined to its thread.
 */
final class Scratch {
    private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

    private final Memory one = new Memory();
    private final Memory other = new Memory();
    private final Stream stream = new Stream();
    private final Event event = new Event();
    private final Communicator communicator = new Communicator();
    private final int[] number = new int[1];

    private Scratch() {}

    static Scratch ofThread() {
        return OF_THREAD.get();
    }

    Pointer memory(long address) {
        return one.at(address);
    }

    /** A second one, for calls with two. */
    Pointer otherMemory(long address) {
        return other.at(address);
    }

    CUstream_st stream(long handle) {
        return stream.at(handle);
    }

    CUevent_st event(long handle) {
        return event.at(handle);
    }

    ncclComm communicator(long handle) {
        return communicator.at(handle);
    }

    /** Where a call answers a number. */
    int[] number() {
        return number;
    }

    /** The base class holds the address in a field, as do those of the handles. */
    private static final class Memory extends Pointer {
        Memory at(long value) {
            address = value;
            return this;
        }
    }

    private static final class Stream extends CUstream_st {
        Stream at(long handle) {
            address = handle;
            return this;
        }
    }

    private static final class Event extends CUevent_st {
        Event at(long handle) {
            address = handle;
            return this;
        }
    }

    private static final class Communicator extends ncclComm {
        Communicator at(long handle) {
            address = handle;
            return this;
        }
    }
}
