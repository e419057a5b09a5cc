package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.zeromq.SocketType;

/**
 * A connection to somebody's ZeroMQ socket: ZMTP 3.0 and 3.1, mechanism NULL (ZeroMQ's RFCs 23 and 37). A library's socket
 * dials in the background, and does not say whether anybody is there; JeroMQ 0.6.0 also forgets a connection that stands at once.
 *
 * <p><b>Threads:</b> Confined to the thread that uses it, which it blocks; {@link #close} is any thread's, and ends whatever
 * waits. So it does a write, which a peer that does not read blocks, and which alone has no deadline.
 *
 * <p><b>Failure:</b> {@link SocketTimeoutException} at a deadline, {@link ProtocolException} for bytes that are not ZMTP or
 * too many, another IOException where nobody is reached or the peer hangs up.
 */
final class ZmtpConnection implements AutoCloseable {
    private static final int GREETING_BYTES = 64;
    private static final int VERSION = 10;
    private static final int MECHANISM = 12;
    private static final int MECHANISM_BYTES = 20;
    private static final byte[] NULL = ascii("NULL");
    private static final String SOCKET_TYPE = "Socket-Type";

    private static final int MORE = 1;
    private static final int LONG = 2;
    private static final int COMMAND = 4;
    private static final int MAX_COMMAND_BYTES = 4096;
    private static final int MAX_SHORT_BYTES = 255;
    private static final int PING_HEAD_BYTES = 7; // 4 PING, and a time in two bytes
    private static final int READ_AT_FIRST = 64 << 10; // what a peer announces is not yet worth memory

    private final Socket socket = new Socket();
    private final SocketType type;
    private final long maxFrameBytes;
    private InputStream in = InputStream.nullInputStream();
    private boolean ready;

    /**
     * Makes one that is not connected.
     *
     * @param type what this side says it is
     * @param maxFrameBytes longest frame that is taken
     */
    ZmtpConnection(SocketType type, long maxFrameBytes) {
        this.type = type;
        this.maxFrameBytes = maxFrameBytes;
    }

    /**
     * Connects and greets. The peer takes this side for one only when something is sent.
     *
     * @return what the peer is, such as PULL or ROUTER
     */
    String connect(PeerAddress address, Deadline deadline) throws IOException {
        socket.connect(new InetSocketAddress(address.host(), address.port()), millis(deadline));
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream());
        byte[] greeting = new byte[GREETING_BYTES];
        greeting[0] = (byte) 0xff;
        greeting[9] = 0x7f;
        greeting[VERSION] = 3;
        System.arraycopy(NULL, 0, greeting, MECHANISM, NULL.length);
        socket.getOutputStream().write(greeting);
        checkGreeting(read(GREETING_BYTES, deadline));
        return peerType(deadline);
    }

    private static void checkGreeting(byte[] greeting) throws IOException {
        if (greeting[0] != (byte) 0xff || greeting[9] != 0x7f || greeting[VERSION] < 3) {
            throw new ProtocolException("what listens there does not speak ZeroMQ's protocol 3");
        }
        String mechanism = new String(greeting, MECHANISM, MECHANISM_BYTES, StandardCharsets.US_ASCII).trim();
        if (!mechanism.equals("NULL")) {
            throw new ProtocolException("it asks for the security mechanism " + mechanism);
        }
    }

    private String peerType(Deadline deadline) throws IOException {
        Frame frame = frame(deadline);
        ByteBuffer body = frame.body();
        if (!frame.is(COMMAND) || !text(body, length(body, 1)).equals("READY")) {
            throw new ProtocolException("it greets, but refuses to talk");
        }
        while (body.hasRemaining()) {
            String name = text(body, length(body, 1));
            String value = text(body, length(body, Integer.BYTES));
            if (name.equalsIgnoreCase(SOCKET_TYPE)) {
                return value;
            }
        }
        throw new ProtocolException("it does not say what kind of socket it is");
    }

    private static int length(ByteBuffer body, int bytes) throws IOException {
        if (body.remaining() < bytes) {
            throw new ProtocolException("its greeting is cut off");
        }
        return bytes == 1 ? Byte.toUnsignedInt(body.get()) : body.getInt();
    }

    private static String text(ByteBuffer body, int length) throws IOException {
        if (length < 0 || length > body.remaining()) {
            throw new ProtocolException("its greeting is cut off");
        }
        byte[] bytes = new byte[length];
        body.get(bytes);
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    /** Sends one message. */
    void send(byte[]... frames) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        if (!ready) {
            putFrame(out, COMMAND, readyCommand());
            ready = true;
        }
        for (int i = 0; i < frames.length; i++) {
            putFrame(out, i < frames.length - 1 ? MORE : 0, frames[i]);
        }
        socket.getOutputStream().write(out.toByteArray());
    }

    private byte[] readyCommand() {
        byte[] value = ascii(type.name());
        return ByteBuffer.allocate(6 + 1 + SOCKET_TYPE.length() + Integer.BYTES + value.length)
                .put(ascii("\5READY"))
                .put((byte) SOCKET_TYPE.length())
                .put(ascii(SOCKET_TYPE))
                .putInt(value.length)
                .put(value)
                .array();
    }

    private static void putFrame(ByteArrayOutputStream out, int flags, byte[] body) {
        if (body.length <= MAX_SHORT_BYTES) {
            out.write(flags);
            out.write(body.length);
        } else {
            out.write(flags | LONG);
            out.writeBytes(ByteBuffer.allocate(Long.BYTES).putLong(body.length).array());
        }
        out.writeBytes(body);
    }

    /** Returns the last frame of the next message; answers what ZeroMQ itself asks in between. */
    byte[] receive(Deadline deadline) throws IOException {
        for (Frame frame = frame(deadline); ; frame = frame(deadline)) {
            if (frame.is(COMMAND)) {
                answerPing(frame.body().array());
            } else if (!frame.is(MORE)) {
                return frame.body().array();
            }
        }
    }

    private void answerPing(byte[] command) throws IOException {
        if (command.length >= PING_HEAD_BYTES
                && new String(command, 0, 5, StandardCharsets.US_ASCII).equals("\4PING")) {
            byte[] context = Arrays.copyOfRange(command, PING_HEAD_BYTES, command.length);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            putFrame(
                    out,
                    COMMAND,
                    ByteBuffer.allocate(5 + context.length)
                            .put(ascii("\4PONG"))
                            .put(context)
                            .array());
            socket.getOutputStream().write(out.toByteArray());
        }
    }

    private record Frame(int flags, ByteBuffer body) {
        boolean is(int flag) {
            return (flags & flag) != 0;
        }
    }

    private Frame frame(Deadline deadline) throws IOException {
        int flags = read(1, deadline)[0];
        boolean command = (flags & COMMAND) != 0;
        if ((flags & ~(MORE | LONG | COMMAND)) != 0 || (command && (flags & MORE) != 0)) {
            throw new ProtocolException("it sends frames that are none of ZeroMQ's");
        }
        long length = (flags & LONG) != 0
                ? ByteBuffer.wrap(read(Long.BYTES, deadline)).getLong()
                : Byte.toUnsignedInt(read(1, deadline)[0]);
        long most = command ? MAX_COMMAND_BYTES : maxFrameBytes;
        if (length < 0 || length > most) {
            throw new ProtocolException(
                    "it sends a frame of " + Long.toUnsignedString(length) + " bytes; at most " + most + " are taken");
        }
        return new Frame(flags, ByteBuffer.wrap(read((int) length, deadline)));
    }

    /** Reads so many bytes, by the deadline however they trickle in. */
    private byte[] read(int count, Deadline deadline) throws IOException {
        byte[] bytes = new byte[Math.min(count, READ_AT_FIRST)];
        int filled = 0;
        while (filled < count) {
            if (deadline.isExpired()) {
                throw new SocketTimeoutException("it says nothing in time");
            }
            if (filled == bytes.length) {
                bytes = Arrays.copyOf(bytes, (int) Math.min(count, 2L * filled));
            }
            socket.setSoTimeout(millis(deadline));
            int got = in.read(bytes, filled, bytes.length - filled);
            if (got < 0) {
                throw new EOFException("it hangs up");
            }
            filled += got;
        }
        return bytes;
    }

    private static int millis(Deadline deadline) {
        return Math.clamp(TimeUnit.NANOSECONDS.toMillis(deadline.remainingNanos()), 1, Integer.MAX_VALUE);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // nobody is left who would be told
        }
    }
}
