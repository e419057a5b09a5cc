package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.ucx.UcxPair.Halves;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.Operation;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a library that asserts could end this process over. Run by {@link UcxHazardsTest} in a process of its own. */
final class UcxHazards {
    static final Map<String, Consumer<UcxPair>> ALL = Map.of(
            "closeAtAnyMoment", UcxHazards::closeAtAnyMoment,
            "closeWithBytesInFlight", UcxHazards::closeWithBytesInFlight,
            "closeTogether", UcxHazards::closeTogether,
            "garbageOnEveryPort", UcxHazards::garbageOnEveryPort,
            "damagedBytes", UcxHazards::damagedBytes);

    private static final int MOMENTS = 40;

    private UcxHazards() {}

    /** Runs the one that is named, over these transports and by this clock; ends with 0 if everything still works after it. */
    public static void main(String[] arguments) {
        BackendConfig config = BackendConfig.DEFAULTS
                .with(UcxConfigKeys.TRANSPORTS, arguments[1])
                .with(UcxConfigKeys.PEER_ERRORS, arguments[1].equals("tcp"));
        try (UcxPair pair = new UcxPair(config, ticker(arguments[2]))) {
            pair.assertMoves();
            ALL.get(arguments[0]).accept(pair);
            pair.assertMoves();
        }
    }

    /** A clock on which nothing is done in time, or the machine's. */
    private static Ticker ticker(String name) {
        AtomicLong reading = new AtomicLong();
        return name.equals("hasty") ? () -> reading.addAndGet(TimeUnit.SECONDS.toNanos(1)) : Ticker.system();
    }

    /** Each half closes first, after any number of turns, from before the other half knows of it to long after. */
    private static void closeAtAnyMoment(UcxPair pair) {
        for (int moment = 0; moment < MOMENTS; moment++) {
            for (boolean initiatorFirst : new boolean[] {true, false}) {
                Halves halves = pair.open();
                if (moment > 0) {
                    halves.establish();
                }
                for (int turn = 1; turn < moment; turn++) {
                    pair.turn();
                }
                var first = initiatorFirst ? halves.initiator() : halves.target();
                var second = initiatorFirst ? halves.target() : halves.initiator();
                first.connection.close();
                pair.drive("the first close", () -> first.closed);
                second.connection.close();
                pair.drive("the second close", () -> second.closed);
            }
        }
    }

    /** Either half closes while bytes move, and the other is left with half of them, as when a process is killed. */
    private static void closeWithBytesInFlight(UcxPair pair) {
        for (int moment = 0; moment < MOMENTS; moment++) {
            for (Operation operation : Operation.values()) {
                for (boolean initiatorFirst : new boolean[] {true, false}) {
                    Halves halves = pair.open();
                    halves.establish();
                    pair.drive("the connection", () -> halves.initiator().connected);
                    halves.initiator().connection.send(new byte[] {1});
                    pair.drive("a message", () -> !halves.target().messages.isEmpty());
                    var ignored = pair.post(halves, operation);
                    for (int turn = 0; turn < moment * moment; turn++) {
                        pair.turn();
                    }
                    var first = initiatorFirst ? halves.initiator() : halves.target();
                    var second = initiatorFirst ? halves.target() : halves.initiator();
                    first.connection.close();
                    pair.drive("the first close", () -> first.closed);
                    for (int turn = 0; turn < moment; turn++) {
                        pair.turn();
                    }
                    second.connection.close();
                    pair.drive("the second close", () -> second.closed);
                }
            }
        }
    }

    /**
     * Both halves close, each any number of turns after the other, while the other does nothing: whatever either wanted to say
     * was said to a half that was going, or had gone.
     */
    private static void closeTogether(UcxPair pair) {
        for (int moment = 0; moment < 12; moment++) {
            for (int alone = 0; alone < 5; alone++) {
                for (boolean initiatorFirst : new boolean[] {true, false}) {
                    Halves halves = pair.open();
                    if (moment > 0) {
                        halves.establish();
                    }
                    for (int turn = 1; turn < moment; turn++) {
                        pair.turn();
                    }
                    var first = initiatorFirst ? halves.initiator() : halves.target();
                    var second = initiatorFirst ? halves.target() : halves.initiator();
                    var firstSide = initiatorFirst ? pair.initiator : pair.target;
                    first.connection.close();
                    for (int turn = 0; turn < alone; turn++) {
                        boolean ignored = firstSide.adapter.progress();
                    }
                    second.connection.close();
                    pair.drive("the close of both", halves::areClosed);
                }
            }
        }
    }

    /** What comes to a port: nothing, the start of nothing, other protocols, noise, and the end at any point. */
    private static void garbageOnEveryPort(UcxPair pair) {
        Random random = new Random(4);
        byte[] noise = new byte[100_000];
        random.nextBytes(noise);
        byte[] zeros = new byte[4096];
        List<byte[]> garbage = List.of(
                new byte[0],
                new byte[] {0x78},
                "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII),
                HexFormat.of().parseHex("16030100c8010000c40303"), // the beginning of TLS
                HexFormat.of().parseHex("78563412bebafe"), // UCX's own first word, but for its last byte
                HexFormat.of().parseHex("78563412bebafeca"), // all of it, and then silence
                zeros,
                noise);
        Halves beside = pair.open();
        beside.establish();
        pair.drive("the connection", () -> beside.initiator().connected);
        try {
            List<Integer> ports = listening();
            if (ports.isEmpty()) {
                throw new AssertionError("UCX listens nowhere, so nothing was tried");
            }
            for (int port : ports) {
                for (byte[] bytes : garbage) {
                    for (boolean halfClose : new boolean[] {true, false}) {
                        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                            socket.getOutputStream().write(bytes);
                            if (halfClose) {
                                socket.shutdownOutput();
                            } else {
                                socket.setSoLinger(true, 0); // closing is a reset then
                            }
                            turns(pair);
                        } catch (IOException e) {
                            turns(pair); // closed while we wrote: a good answer to garbage
                        }
                        turns(pair);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        beside.initiator().connection.send(new byte[] {1});
        pair.drive("a message", () -> !beside.target().messages.isEmpty());
        beside.initiator().connection.close();
        beside.target().connection.close();
        pair.drive("the close", beside::areClosed);
    }

    private static void turns(UcxPair pair) {
        for (int i = 0; i < 100; i++) {
            pair.turn();
        }
    }

    /** The TCP ports that this process listens on, none of which is Java's. */
    private static List<Integer> listening() throws IOException {
        List<String> sockets;
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            sockets = descriptors
                    .filter(Files::isSymbolicLink)
                    .map(UcxHazards::target)
                    .filter(target -> target.startsWith("socket:["))
                    .map(target -> target.substring(8, target.length() - 1))
                    .collect(Collectors.toList());
        }
        return Files.readAllLines(Path.of("/proc/self/net/tcp")).stream()
                .map(line -> Pattern.compile("\\s+").split(line.strip()))
                .filter(columns -> columns.length > 9 && columns[3].equals("0A") && sockets.contains(columns[9]))
                .map(columns -> Integer.parseInt(columns[1].substring(columns[1].lastIndexOf(':') + 1), 16))
                .toList();
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return ""; // the descriptor of the listing itself
        }
    }

    /** Every byte that peers exchange, damaged or cut, is refused before the library sees it. */
    private static void damagedBytes(UcxPair pair) {
        Halves halves = pair.open();
        damaged(pair.target.adapter.address(), bytes -> pair.initiator.adapter.connect(bytes, halves.initiator()));
        damaged(halves.initiator().connection.hello(), bytes -> pair.target.adapter.accept(bytes, halves.target()));
        damaged(halves.target().connection.hello(), halves.initiator().connection::establish);
        halves.establish();
        pair.drive("the connection", () -> halves.initiator().connected);
        damaged(pair.target.memory.grant(0, 1, Operation.READ).key(), halves.initiator().connection::importKey);
        halves.initiator().connection.close();
        halves.target().connection.close();
        pair.drive("the close", halves::areClosed);
    }

    private static void damaged(byte[] good, Consumer<byte[]> reader) {
        for (int i = 0; i < good.length; i++) {
            byte[] flipped = good.clone();
            flipped[i] ^= 0x40;
            assertRefused(flipped, reader);
            assertRefused(Arrays.copyOf(good, i), reader);
        }
        assertRefused(Arrays.copyOf(good, good.length + 1), reader);
    }

    private static void assertRefused(byte[] bytes, Consumer<byte[]> reader) {
        try {
            reader.accept(bytes);
        } catch (TransferException e) {
            return;
        }
        throw new AssertionError(bytes.length + " damaged bytes were taken");
    }
}
