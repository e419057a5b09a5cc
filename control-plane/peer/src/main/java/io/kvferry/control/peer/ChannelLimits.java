package io.kvferry.control.peer;

import io.kvferry.spi.BackendConfig;

/** Bounds of what may wait to be sent on one channel. */
record ChannelLimits(int queueMessages, long queueBytes) {
    /** What a frame has beside its message, at most. */
    private static final int FRAME_OVERHEAD = 16;

    static ChannelLimits of(BackendConfig config) {
        return new ChannelLimits(
                config.get(PeerConfigKeys.CHANNEL_QUEUE_MESSAGES),
                Math.min(
                        config.get(PeerConfigKeys.CHANNEL_QUEUE_BYTES),
                        config.get(PeerConfigKeys.MAX_MESSAGE_BYTES) - FRAME_OVERHEAD));
    }
}
