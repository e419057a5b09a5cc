package io.kvferry.control.http;

import io.kvferry.spi.Deadline;
import io.kvferry.spi.Ticker;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.concurrent.ScheduledFuture;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One connection: takes a request, has it answered, takes the next. Confined to its event loop, but for the handler of a
 * request.
 */
final class HttpConnection extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final String SELF_ONLY = "default-src 'self'; frame-ancestors 'none'";

    private final HttpLimits limits;
    private final Router router;
    private final HttpCounters counters;
    private final Executor handlers;
    private final Ticker ticker;
    private @Nullable ScheduledFuture<?> patience;
    private boolean streaming;

    HttpConnection(HttpLimits limits, Router router, HttpCounters counters, Executor handlers, Ticker ticker) {
        this.limits = limits;
        this.router = router;
        this.counters = counters;
        this.handlers = handlers;
        this.ticker = ticker;
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        awaitRequest(context);
    }

    /** A client that sends a byte now and then must not keep its place for ever. */
    private void awaitRequest(ChannelHandlerContext context) {
        patience = context.executor()
                .schedule(() -> close(context), limits.requestTimeout().toMillis(), TimeUnit.MILLISECONDS);
        context.channel().config().setAutoRead(true);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest message) {
        if (patience != null) {
            patience.cancel(false);
        }
        if (streaming) {
            // a stream has no second request
            close(context);
            return;
        }
        context.channel().config().setAutoRead(false);
        boolean headOnly = message.method().name().equals("HEAD");
        if (message.decoderResult().isFailure()) {
            write(context, refusal(message.decoderResult().cause()), false, headOnly);
            return;
        }
        boolean keepAlive = HttpUtil.isKeepAlive(message);
        HttpRequest request;
        try {
            request = request(message);
        } catch (IllegalArgumentException e) {
            write(context, Router.refusal(400, "the address cannot be decoded: " + e.getMessage()), false, headOnly);
            return;
        }
        try {
            handlers.execute(() -> {
                HttpAnswer answer = router.answer(request);
                context.executor().execute(() -> answer(context, answer, keepAlive, headOnly));
            });
        } catch (RejectedExecutionException e) {
            close(context);
        }
    }

    private static HttpAnswer.Whole refusal(Throwable cause) {
        return switch (cause) {
            case TooLongHttpLineException _ -> Router.refusal(414, "the first line of the request is too long");
            case TooLongHttpHeaderException _ -> Router.refusal(431, "the header of the request is too long");
            default -> Router.refusal(400, "this port speaks HTTP/1.1: " + cause.getMessage());
        };
    }

    private HttpRequest request(FullHttpRequest message) {
        QueryStringDecoder address = new QueryStringDecoder(message.uri());
        Map<String, String> query = new HashMap<>();
        address.parameters().forEach((name, values) -> query.put(name, values.getFirst()));
        String type = message.headers().get(HttpHeaderNames.CONTENT_TYPE, "");
        return new HttpRequest(
                message.method().name(),
                address.path(),
                Map.of(),
                query,
                type.split(";", -1)[0].strip().toLowerCase(Locale.ROOT),
                ByteBufUtil.getBytes(message.content()),
                Deadline.after(limits.requestTimeout(), ticker));
    }

    private void answer(ChannelHandlerContext context, HttpAnswer answer, boolean keepAlive, boolean headOnly) {
        switch (answer) {
            case HttpAnswer.Whole whole -> write(context, whole, keepAlive, headOnly);
            case HttpAnswer.Stream stream -> stream(context, stream.feed());
        }
    }

    private void write(ChannelHandlerContext context, HttpAnswer.Whole answer, boolean keepAlive, boolean headOnly) {
        counters.answered(answer.status());
        DefaultFullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1,
                HttpResponseStatus.valueOf(answer.status()),
                headOnly ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(answer.body()));
        describe(response, answer.contentType());
        HttpHeaders headers = response.headers();
        answer.headers().forEach(headers::set);
        headers.set(HttpHeaderNames.CONTENT_LENGTH, answer.body().length);
        HttpUtil.setKeepAlive(response, keepAlive);
        context.writeAndFlush(response).addListener(written -> {
            if (keepAlive && written.isSuccess()) {
                awaitRequest(context);
            } else {
                close(context);
            }
        });
    }

    private static void close(ChannelHandlerContext context) {
        var ignored = context.close();
    }

    private static void describe(HttpResponse response, String contentType) {
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, contentType)
                .set(HttpHeaderNames.CONTENT_SECURITY_POLICY, SELF_ONLY)
                .set("X-Content-Type-Options", "nosniff");
    }

    private void stream(ChannelHandlerContext context, EventFeed feed) {
        if (counters.streams().incrementAndGet() > limits.maxStreams()) {
            counters.streams().decrementAndGet();
            write(context, Router.refusal(429, "too many streams are open: " + limits.maxStreams()), false, false);
            return;
        }
        context.channel().closeFuture().addListener(_ -> counters.streams().decrementAndGet());
        counters.answered(200);
        DefaultHttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        describe(response, "text/event-stream");
        response.headers().set(HttpHeaderNames.CACHE_CONTROL, "no-store");
        HttpUtil.setTransferEncodingChunked(response, true);
        context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
        streaming = true;
        Runnable unsubscribe =
                feed.subscribe((name, json) -> context.executor().execute(() -> send(context, name, json)));
        context.channel().closeFuture().addListener(_ -> unsubscribe.run());
        // reading on is how the client's goodbye is heard
        context.channel().config().setAutoRead(true);
    }

    /** Sends an event if the client has taken those before; it is told the whole state again soon. */
    private static void send(ChannelHandlerContext context, String name, byte[] json) {
        if (context.channel().isWritable()) {
            byte[] head = ("event: " + name + "\ndata: ").getBytes(StandardCharsets.UTF_8);
            byte[] tail = {'\n', '\n'};
            context.writeAndFlush(new DefaultHttpContent(Unpooled.wrappedBuffer(head, json, tail)))
                    .addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (patience != null) {
            patience.cancel(false);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        // reset by the client, or it did not take what was written in time
        close(context);
    }
}
