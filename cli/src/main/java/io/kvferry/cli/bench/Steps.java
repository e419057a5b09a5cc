package io.kvferry.cli.bench;

/** The times of the steps of transfers. Confined to a thread until they are read. */
final class Steps {
    final Latencies prepare = new Latencies();
    final Latencies submit = new Latencies();
    final Latencies transfer = new Latencies();
    final Latencies finish = new Latencies();
    long transfers;

    void addAll(Steps other) {
        prepare.addAll(other.prepare);
        submit.addAll(other.submit);
        transfer.addAll(other.transfer);
        finish.addAll(other.finish);
        transfers += other.transfers;
    }
}
