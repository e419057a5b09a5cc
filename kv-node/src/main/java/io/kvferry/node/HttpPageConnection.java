package io.kvferry.node;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.util.concurrent.ScheduledFuture;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection: one request, its answer, the end. Confined to its event loop, but for the making of the page. */
final class HttpPageConnection extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(HttpPageConnection.class);
    private static final String TEXT = "text/plain; charset=utf-8";

    private final Map<String, HttpPages.Page> pages;
    private final Executor writers;
    private final Duration life;
    private @Nullable ScheduledFuture<?> end;
    private boolean asked;

    HttpPageConnection(Map<String, HttpPages.Page> pages, Executor writers, Duration life) {
        this.pages = pages;
        this.writers = writers;
        this.life = life;
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        end = context.executor().schedule(() -> close(context), life.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (end != null) {
            end.cancel(false);
        }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
        if (asked) {
            return;
        }
        asked = true;
        context.channel().config().setAutoRead(false);
        if (request.decoderResult().isFailure()) {
            write(context, answer(HttpResponseStatus.BAD_REQUEST, TEXT, "this port speaks HTTP/1.1\n"));
            return;
        }
        String path = path(request.uri());
        HttpPages.Page page = pages.get(path);
        if (page == null) {
            String all = String.join(", ", new TreeSet<>(pages.keySet()));
            write(context, answer(HttpResponseStatus.NOT_FOUND, TEXT, "there is " + all + "\n"));
        } else if (!request.method().equals(HttpMethod.GET)) {
            FullHttpResponse refusal = answer(HttpResponseStatus.METHOD_NOT_ALLOWED, TEXT, "GET only\n");
            refusal.headers().set(HttpHeaderNames.ALLOW, HttpMethod.GET);
            write(context, refusal);
        } else {
            make(context, path, page);
        }
    }

    private static String path(String uri) {
        try {
            return new QueryStringDecoder(uri).path();
        } catch (IllegalArgumentException e) {
            return uri;
        }
    }

    private void make(ChannelHandlerContext context, String path, HttpPages.Page page) {
        try {
            writers.execute(() -> write(context, made(path, page)));
        } catch (RejectedExecutionException closing) {
            close(context);
        }
    }

    private static FullHttpResponse made(String path, HttpPages.Page page) {
        try {
            return answer(HttpResponseStatus.OK, page.contentType(), page.body().get());
        } catch (RuntimeException e) {
            LOG.error("{} failed", path, e);
            return answer(HttpResponseStatus.INTERNAL_SERVER_ERROR, TEXT, "a bug; the log says more\n");
        }
    }

    private static FullHttpResponse answer(HttpResponseStatus status, String type, String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        FullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(bytes));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, type)
                .set(HttpHeaderNames.CONTENT_LENGTH, bytes.length)
                .set(HttpHeaderNames.CONNECTION, "close");
        return response;
    }

    private static void write(ChannelHandlerContext context, FullHttpResponse response) {
        context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }

    private static void close(ChannelHandlerContext context) {
        var ignored = context.close();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        // reset by the client
        close(context);
    }
}
