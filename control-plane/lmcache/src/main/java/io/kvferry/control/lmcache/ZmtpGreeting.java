package io.kvferry.control.lmcache;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerAddress;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * Greets a ZeroMQ socket, hears what it is and hangs up before it would be a peer: ZMTP 3, mechanism NULL (ZeroMQ's RFC 23).
 * A library's socket dials in the background and does not say when somebody has greeted.
 *
 * <p><b>Threads:</b> Confined to the thread that calls.
 */
final class ZmtpGreeting {
    private static final int GREETING_BYTES = 64;
    private static final int VERSION = 10;
    private static final int MECHANISM = 12;
    private static final byte[] NULL = "NULL".getBytes(StandardCharsets.US_ASCII);
    private static final int SHORT_COMMAND = 4;
    private static final String SOCKET_TYPE = "Socket-Type";

    private final InputStream in;
    private final Socket socket;
    private final Deadline deadline;

    private ZmtpGreeting(Socket socket, Deadline deadline) throws IOException {
        this.socket = socket;
        this.deadline = deadline;
        this.in = socket.getInputStream();
    }

    /**
     * Greets.
     *
     * @param address the socket's
     * @param deadline for all of it
     * @return what the peer is, such as PULL or ROUTER
     * @throws IOException if there is nobody, or nobody who speaks ZMTP 3 and greets by then
     */
    static String typeOf(PeerAddress address, Deadline deadline) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address.host(), address.port()), millis(deadline));
            ZmtpGreeting greeting = new ZmtpGreeting(socket, deadline);
            socket.getOutputStream().write(hello());
            greeting.checkVersion();
            return greeting.readType();
        }
    }

    private static byte[] hello() {
        byte[] greeting = new byte[GREETING_BYTES];
        greeting[0] = (byte) 0xff;
        greeting[9] = 0x7f;
        greeting[VERSION] = 3;
        System.arraycopy(NULL, 0, greeting, MECHANISM, NULL.length);
        return greeting;
    }

    private void checkVersion() throws IOException {
        byte[] greeting = read(GREETING_BYTES);
        if (greeting[0] != (byte) 0xff || greeting[9] != 0x7f || greeting[VERSION] < 3) {
            throw new ProtocolException("what listens there does not speak ZeroMQ's protocol 3");
        }
        String mechanism = new String(greeting, MECHANISM, 20, StandardCharsets.US_ASCII).trim();
        if (!mechanism.equals("NULL")) {
            throw new ProtocolException("it asks for the security mechanism " + mechanism);
        }
    }

    private String readType() throws IOException {
        byte[] head = read(2);
        if (head[0] != SHORT_COMMAND) {
            throw new ProtocolException("it greets, but is not ready");
        }
        ByteBuffer command = ByteBuffer.wrap(read(Byte.toUnsignedInt(head[1])));
        if (!text(command, readLength(command, 1)).equals("READY")) {
            throw new ProtocolException("it greets, but refuses to talk");
        }
        while (command.hasRemaining()) {
            String name = text(command, readLength(command, 1));
            String value = text(command, readLength(command, Integer.BYTES));
            if (name.equalsIgnoreCase(SOCKET_TYPE)) {
                return value;
            }
        }
        throw new ProtocolException("it does not say what kind of socket it is");
    }

    private static int readLength(ByteBuffer command, int bytes) throws IOException {
        if (command.remaining() < bytes) {
            throw new ProtocolException("its greeting is cut off");
        }
        return bytes == 1 ? Byte.toUnsignedInt(command.get()) : command.getInt();
    }

    private static String text(ByteBuffer command, int length) throws IOException {
        if (length < 0 || length > command.remaining()) {
            throw new ProtocolException("its greeting is cut off");
        }
        byte[] bytes = new byte[length];
        command.get(bytes);
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    /** Reads so many bytes, by the deadline however they trickle in. */
    private byte[] read(int count) throws IOException {
        byte[] bytes = new byte[count];
        int filled = 0;
        while (filled < count) {
            if (deadline.isExpired()) {
                throw new SocketTimeoutException("nobody greets there");
            }
            socket.setSoTimeout(millis(deadline));
            int got = in.read(bytes, filled, count - filled);
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
}
