package io.kvferry.control.peer;

import io.kvferry.spi.TransferError;

/** The stream of a channel that could not even begin. */
enum DeadStream implements MessageStream {
    INSTANCE;

    @Override
    public boolean isReady() {
        return false;
    }

    @Override
    public void write(byte[] frame) {}

    @Override
    public void request(int frames) {}

    @Override
    public void end() {}

    @Override
    public void abort(TransferError why) {}
}
