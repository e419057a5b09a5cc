package io.kvferry.backend.tcp;

/**
 * Values of {@code kvferry.tcp.transport}.
 *
 * @since 0.1.0
 */
public enum TcpTransportKind {
    /** {@link #EPOLL} where it runs, else {@link #NIO}. */
    AUTO,
    /** Linux epoll through Netty's native library. */
    EPOLL,
    /** The JDK's selectors; everywhere. */
    NIO,
    /** Linux io_uring through Netty's native library. */
    IO_URING
}
