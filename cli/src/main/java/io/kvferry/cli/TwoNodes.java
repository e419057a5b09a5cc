package io.kvferry.cli;

import io.kvferry.cli.reuse.ReuseServer;
import io.kvferry.spi.PeerAddress;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A controller, a prefill node and a decode node, each in a process of its own on this machine. */
final class TwoNodes implements AutoCloseable {
    private static final Set<String> OF_ONE_PROCESS =
            Set.of("kvferry.node-id", "kvferry.peer.port", "kvferry.cluster.controllers");

    private final ServerProcess controller;
    private final ServerProcess prefill;
    private final ServerProcess decode;

    private TwoNodes(ServerProcess controller, ServerProcess prefill, ServerProcess decode) {
        this.controller = controller;
        this.prefill = prefill;
        this.decode = decode;
    }

    /** Starts the processes with the user's configuration and waits until all are ready. */
    static TwoNodes start(EngineOptions options) throws IOException {
        options.checkBetweenProcesses();
        check(options);
        List<ServerProcess> started = new ArrayList<>();
        try {
            started.add(ServerProcess.launch("controller", options.arguments()));
            List<String> arguments = new ArrayList<>(options.arguments());
            arguments.addAll(
                    List.of("--controllers", started.getFirst().address().toString()));
            started.add(ServerProcess.launch("llm", arguments));
            started.add(ServerProcess.launch("llm", arguments));
            PeerAddress first = started.get(1).address();
            PeerAddress second = started.get(2).address();
            if (first.equals(second)) {
                throw new IOException("both nodes say that they listen at " + first);
            }
            return new TwoNodes(started.get(0), started.get(1), started.get(2));
        } catch (IOException | RuntimeException e) {
            started.forEach(ServerProcess::close);
            throw e;
        }
    }

    /** What each process has for itself cannot be given to two. */
    private static void check(EngineOptions options) {
        options.given(OF_ONE_PROCESS).stream().findFirst().ifPresent(entry -> {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    entry.name() + " = " + entry.value() + " (" + entry.source()
                            + "): two nodes on one machine cannot share it; leave it out");
        });
    }

    ServerProcess controller() {
        return controller;
    }

    ServerProcess prefill() {
        return prefill;
    }

    ServerProcess decode() {
        return decode;
    }

    static ReuseServer client(String name, ServerProcess server, Ticker ticker) throws IOException {
        return new ReuseServer(new ReuseServer.Address(name, url(server), null, null), "", ticker);
    }

    static URI url(ServerProcess server) throws IOException {
        return URI.create("http://" + server.address() + "/v1/completions");
    }

    @Override
    public void close() {
        decode.close();
        prefill.close();
        controller.close();
    }
}
