package io.kvferry.control.grpc;

import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * Methods whose messages are bytes, so that our codec decides about an undecodable one and gRPC does not.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class ByteMethods {
    private ByteMethods() {}

    /**
     * Makes a generated method one of bytes.
     *
     * @param generated what was made of a {@code .proto}
     * @return the same method, whose messages are not decoded
     */
    public static MethodDescriptor<byte[], byte[]> of(MethodDescriptor<?, ?> generated) {
        return generated.toBuilder(Bytes.INSTANCE, Bytes.INSTANCE).build();
    }

    private enum Bytes implements MethodDescriptor.Marshaller<byte[]> {
        INSTANCE;

        @Override
        public InputStream stream(byte[] message) {
            return new ByteArrayInputStream(message);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw Status.INTERNAL
                        .withDescription("message cannot be read")
                        .withCause(e)
                        .asRuntimeException();
            }
        }
    }
}
