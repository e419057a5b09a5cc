package io.kvferry.cli;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.Lease;
import io.kvferry.engine.LeaseRequest;
import io.kvferry.engine.Memory;
import io.kvferry.engine.Transfer;
import io.kvferry.engine.TransferEngine;
import io.kvferry.engine.TransferRequest;
import io.kvferry.spi.BlockList;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.TransferId;
import java.io.PrintStream;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;

/** The example of the README; what stands between the two marks is printed there. */
final class FirstTransfer {
    private FirstTransfer() {}

    static void run(PrintStream out) {
        // begin
        KvFerryConfig config =
                KvFerryConfig.builder().set("kvferry.backend", "inprocess").build();
        try (TransferEngine prefill = TransferEngine.open(config);
                TransferEngine decode = TransferEngine.open(config);
                Memory source = prefill.allocate(1 << 20);
                Memory destination = decode.allocate(1 << 20)) {
            source.segment().fill((byte) 42);

            // The target offers memory to be written once: 16 blocks of 64 KiB, with the keys 0 to 15.
            TransferId id = TransferId.random();
            Lease lease = decode.offer(
                    LeaseRequest.writable(id, BlockList.uniform(destination.region(), 0, 0, 64 << 10, 16)),
                    Deadline.after(30, TimeUnit.SECONDS));

            // The initiator writes its own blocks of the same keys into it.
            TransferRequest request =
                    TransferRequest.write(id, decode.address(), BlockList.uniform(source.region(), 0, 0, 64 << 10, 16));
            try (Transfer transfer = prefill.prepare(request, Deadline.after(5, TimeUnit.SECONDS))) {
                transfer.submit();
                out.println("initiator: " + transfer.await(Deadline.after(5, TimeUnit.SECONDS)));
            }
            out.println("target: " + lease.await(Deadline.after(5, TimeUnit.SECONDS)));
            out.println("first byte: " + destination.segment().get(ValueLayout.JAVA_BYTE, 0));
        }
        // end
    }
}
