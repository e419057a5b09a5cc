package io.kvferry.backend.mooncake;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A foreign target by plain sockets: what it says of itself and what it does with a data connection is scripted. */
final class ScriptedTarget implements AutoCloseable {
    /** What happens on one data connection. */
    interface Script {
        void run(Wire wire) throws IOException;
    }

    /** A data connection. */
    record Wire(Socket socket, DataInputStream in, OutputStream out) {
        /** Reads a request header as it is on the wire. */
        byte[] header() throws IOException {
            byte[] header = in.readNBytes(24);
            if (header.length < 24) {
                throw new IOException("closed");
            }
            return header;
        }

        static int size(byte[] header) {
            return (int) ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        }

        void send(String hex) throws IOException {
            out.write(Hex.bytes(hex));
        }
    }

    static final String OK = "00 00 00 00 56 54 43 4d";
    static final String REJECTED = "01 00 00 00 56 54 43 4d";

    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final ServerSocket handshake;
    private volatile ServerSocket data;
    final BlockingQueue<byte[]> handshakes = new LinkedBlockingQueue<>();
    final List<byte[]> headers = new CopyOnWriteArrayList<>();
    private volatile String reply;
    private volatile Script script;

    ScriptedTarget(Script script) throws IOException {
        this.script = script;
        this.handshake = listen();
        this.data = listen();
        this.reply = segment(2, "\"addr\":18446744073709486080,\"length\":65536", "");
        Thread.ofVirtual().start(this::serveHandshakes);
        serveData(data);
    }

    private static ServerSocket listen() throws IOException {
        return new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    }

    String name() {
        return "127.0.0.1:" + handshake.getLocalPort();
    }

    int dataPort() {
        return data.getLocalPort();
    }

    /** A segment with one buffer, with keys that nobody knows. */
    String segment(int version, String buffer, String more) {
        return "{\"buffers\":[{" + buffer + ",\"name\":\"" + name() + "\",\"x\":{\"y\":[1]}}],\"name\":\"" + name()
                + "\",\"protocol\":\"tcp\",\"tcp_data_port\":" + dataPort()
                + (version < 2 ? "" : ",\"tcp_proto_version\":" + version) + more
                + ",\"timestamp\":\"2026-11-20 11:29:56.975551\",\"unknown\":null}\n";
    }

    void says(String json) {
        reply = json;
    }

    void does(Script next) {
        script = next;
    }

    /** Ends all data connections and goes on with a data port of its own, as a process that is started anew. */
    void restartData() throws IOException {
        ServerSocket old = data;
        data = listen();
        old.close();
        for (Socket socket : open) {
            socket.close();
        }
        serveData(data);
    }

    private void serveHandshakes() {
        try {
            while (true) {
                try (Socket socket = handshake.accept()) {
                    DataInputStream in = new DataInputStream(socket.getInputStream());
                    byte[] head = in.readNBytes(8);
                    int length = (int)
                            ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong();
                    byte[] request = in.readNBytes(length);
                    handshakes.add(request);
                    String json = request[0] == 2 ? "{\"name\":\"\",\"notify_msg\":\"success\"}\n" : reply;
                    byte[] text = json.getBytes(StandardCharsets.UTF_8);
                    ByteBuffer frame = ByteBuffer.allocate(9 + text.length).order(ByteOrder.LITTLE_ENDIAN);
                    frame.putLong(1 + text.length).put(request[0]).put(text);
                    socket.getOutputStream().write(frame.array());
                } catch (IOException broken) {
                    if (handshake.isClosed()) {
                        return;
                    }
                }
            }
        } catch (RuntimeException closed) {
            return;
        }
    }

    private void serveData(ServerSocket listener) {
        Thread.ofVirtual().start(() -> {
            while (!listener.isClosed()) {
                try {
                    Socket socket = listener.accept();
                    open.add(socket);
                    Thread.ofVirtual().start(() -> play(socket));
                } catch (IOException closed) {
                    return;
                }
            }
        });
    }

    private void play(Socket socket) {
        try (socket) {
            script.run(new Wire(socket, new DataInputStream(socket.getInputStream()), socket.getOutputStream()));
        } catch (IOException ended) {
            return;
        } finally {
            open.remove(socket);
        }
    }

    /** Serves requests as the native engine does, into and from some bytes at an address. */
    Script memory(byte[] bytes, long base, boolean acknowledges) {
        return wire -> {
            while (true) {
                byte[] header = wire.header();
                headers.add(header);
                RequestHeader request =
                        RequestHeader.decode(ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN));
                int at = (int) (request.address() - base);
                int size = (int) request.size();
                boolean write = (header[16] & 0x7f) == 1;
                if (write) {
                    wire.in().readFully(bytes, at, size);
                }
                if (acknowledges) {
                    wire.send(OK);
                }
                if (!write) {
                    wire.out().write(bytes, at, size);
                }
            }
        };
    }

    byte[] nextHandshake() throws InterruptedException {
        byte[] next = handshakes.poll(20, TimeUnit.SECONDS);
        if (next == null) {
            throw new AssertionError("no handshake came");
        }
        return next;
    }

    @Override
    public void close() throws IOException {
        handshake.close();
        data.close();
        for (Socket socket : open) {
            socket.close();
        }
    }
}
