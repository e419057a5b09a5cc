package io.kvferry.spi;

/** A clock that moves only when it is told to. */
final class FakeTicker implements Ticker {
    private long nanos;

    FakeTicker(long nanos) {
        this.nanos = nanos;
    }

    @Override
    public long nanos() {
        return nanos;
    }

    void advance(long byNanos) {
        nanos += byNanos;
    }
}
