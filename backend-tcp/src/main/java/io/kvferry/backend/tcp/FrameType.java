package io.kvferry.backend.tcp;

import org.jspecify.annotations.Nullable;

/** What a frame is. The numbers are the wire's and never change. */
enum FrameType {
    /** First frame of the dialing side: protocol version, its instance, the instance it expects. */
    HELLO(1),
    /** Answer to HELLO: protocol version and instance. */
    WELCOME(2),
    /** Payload of consecutive blocks. */
    DATA(3),
    /** Asks for the bytes of some blocks. */
    READ(4),
    /** How many blocks of a stream are applied so far. */
    ACK(5),
    /** Ends a stream, or with stream 0 the connection: with SHUTTING_DOWN it is a goodbye. */
    ERROR(6);

    private static final @Nullable FrameType[] BY_NUMBER = new @Nullable FrameType[7];

    static {
        for (FrameType type : values()) {
            BY_NUMBER[type.number] = type;
        }
    }

    private final int number;

    FrameType(int number) {
        this.number = number;
    }

    byte number() {
        return (byte) number;
    }

    static @Nullable FrameType ofNumber(int number) {
        return number >= 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }
}
