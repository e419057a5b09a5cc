package io.kvferry.control.peer;

import io.kvferry.spi.TransferId;

/** Which transfer a channel belongs to. */
record ChannelId(TransferId id, int attempt, long epoch) {
    @Override
    public String toString() {
        return "channel of transfer " + id + " attempt " + attempt;
    }
}
