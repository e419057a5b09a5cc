package io.kvferry.control.etcd;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import org.jspecify.annotations.Nullable;

/**
 * The client's own connection to etcd with its credentials, for the one call that the client offers in no shape that we can
 * use. Known from the first call that the client makes.
 *
 * <p><b>Threads:</b> Thread-safe.
 */
final class EtcdConnection implements ClientInterceptor {
    private static final String AUTH = "etcdserverpb.Auth";

    private record Used(Channel channel, CallOptions options) {}

    private volatile @Nullable Used used;

    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
        // the client asks for its token on a connection that is gone afterwards
        if (!AUTH.equals(method.getServiceName())) {
            // a call's deadline is its own, who we are is everybody's
            used = new Used(next, CallOptions.DEFAULT.withCallCredentials(options.getCredentials()));
        }
        return next.newCall(method, options);
    }

    /** Begins a call; null before the client has made one. */
    <Q, R> @Nullable ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method) {
        Used known = used;
        return known == null ? null : known.channel.newCall(method, known.options);
    }
}
