package io.kvferry.backend.tcp;

import io.kvferry.spi.Descriptor;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/** A peer that speaks the wire by hand, rightly or wrongly, over a plain socket. */
final class RawPeer implements AutoCloseable {
    static final long INSTANCE = 0x1122334455667788L;
    /** Small, so that what a backend sends is soon stuck when it is not read. */
    static final int BUFFER_BYTES = 64 << 10;

    private static final int TIMEOUT_MILLIS = 20_000;

    /** A frame as it came. */
    record Frame(FrameHeader header, byte[] payload) {
        String detail() {
            return new String(payload, StandardCharsets.UTF_8);
        }
    }

    final Socket socket;
    private final DataInputStream in;
    private final OutputStream out;

    RawPeer(Socket socket) throws IOException {
        this.socket = socket;
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
    }

    /** Connects to a backend without a word. */
    static RawPeer dial(TestNode node) throws IOException {
        TcpEndpoint endpoint = TcpEndpoint.decode(node.backend.endpoint());
        return new RawPeer(new Socket(endpoint.host(), endpoint.port()));
    }

    /** Connects to a backend and greets it as {@link #INSTANCE}. */
    static RawPeer greet(TestNode node) throws IOException {
        RawPeer peer = dial(node);
        peer.send(hello(TcpEndpoint.decode(node.backend.endpoint()).instance()));
        if (peer.receive().header().type != FrameType.WELCOME) {
            throw new IOException("not welcome");
        }
        return peer;
    }

    static FrameHeader hello(long expected) {
        FrameHeader hello = new FrameHeader().reset(FrameType.HELLO, INSTANCE);
        hello.slot = expected;
        hello.count = FrameHeader.PROTOCOL_VERSION;
        return hello;
    }

    /** A listener on a port of its own, of a process that is not a backend. */
    static ServerSocket listener() throws IOException {
        ServerSocket listener = new ServerSocket();
        listener.setReceiveBufferSize(BUFFER_BYTES);
        listener.bind(new InetSocketAddress("127.0.0.1", 0));
        listener.setSoTimeout(TIMEOUT_MILLIS);
        return listener;
    }

    /** Accepts a backend's connection and welcomes it. */
    static RawPeer welcome(ServerSocket listener) throws IOException {
        RawPeer peer = new RawPeer(listener.accept());
        FrameHeader hello = peer.receive().header();
        FrameHeader welcome = new FrameHeader().reset(FrameType.WELCOME, INSTANCE);
        welcome.slot = hello.stream;
        welcome.count = FrameHeader.PROTOCOL_VERSION;
        peer.send(welcome);
        return peer;
    }

    static FrameHeader data(Descriptor descriptor, int block, long offset, byte[] payload) {
        FrameHeader data = new FrameHeader()
                .reset(FrameType.DATA, 77)
                .lease(TcpDescriptor.decode(descriptor).lease());
        data.block = block;
        data.offset = offset;
        data.length = payload.length;
        data.flags = FrameHeader.FLAG_CHECKSUM;
        CRC32C crc = new CRC32C();
        crc.update(payload);
        data.payloadCrc = (int) crc.getValue();
        return data;
    }

    void send(FrameHeader header, byte... payload) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(FrameHeader.BYTES);
        header.encode(bytes);
        byte[] all = new byte[FrameHeader.BYTES + payload.length];
        bytes.get(all, 0, FrameHeader.BYTES);
        System.arraycopy(payload, 0, all, FrameHeader.BYTES, payload.length);
        send(all);
    }

    void send(byte[] bytes) throws IOException {
        out.write(bytes);
        out.flush();
    }

    Frame receive() throws IOException {
        byte[] head = in.readNBytes(FrameHeader.BYTES);
        if (head.length < FrameHeader.BYTES) {
            throw new EOFException("the backend closed the connection");
        }
        FrameHeader header = new FrameHeader();
        String wrong =
                header.decode(ByteBuffer.allocateDirect(FrameHeader.BYTES).put(head));
        if (wrong != null) {
            throw new IOException(wrong);
        }
        return new Frame(header, in.readNBytes(header.length));
    }

    /** Waits until the backend has closed the connection, whatever it says before. */
    void awaitClosed() throws IOException {
        byte[] ignored = new byte[4096];
        try {
            while (in.read(ignored) >= 0) {
                continue;
            }
        } catch (java.net.SocketException reset) {
            return;
        }
    }

    /** Closes with a reset instead of an orderly end. */
    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
