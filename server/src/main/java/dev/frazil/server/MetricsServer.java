package dev.frazil.server;

import dev.frazil.net.TransportAddress;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.prometheus.metrics.expositionformats.ExpositionFormatWriter;
import io.prometheus.metrics.expositionformats.OpenMetricsTextFormatWriter;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Answers {@code GET /metrics} to Prometheus and {@code GET /health} to whoever has to know whether clients may be sent
 * here. It has a thread of its own, so that a slow reader is felt by nobody else; each connection carries one answer.
 */
final class MetricsServer implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 10;
  private static final int LONGEST_BODY = 1024;
  private static final int MOST_CONNECTIONS = 64;

  /** What is answered. */
  interface Source {
    /** What is measured; may fail. */
    CompletableFuture<MetricSnapshots> metrics();

    /** Why no client should be sent here; null when all is well. */
    CompletableFuture<@Nullable String> trouble();
  }

  private final Source source;
  private final MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(
      1, new DefaultThreadFactory("frazil-metrics", true), NioIoHandler.newFactory());
  private final AtomicInteger connections = new AtomicInteger();
  private @Nullable Channel listener;

  private MetricsServer(Source source) {
    this.source = source;
  }

  /**
   * Starts to listen.
   *
   * @throws IOException when the address can't be bound, naming it
   */
  static MetricsServer start(TransportAddress address, Source source)
      throws IOException, InterruptedException {
    MetricsServer server = new MetricsServer(source);
    ChannelFuture bound = new ServerBootstrap()
        .group(server.group)
        .channel(NioServerSocketChannel.class)
        .childHandler(server.new Connection())
        .bind(
            new InetSocketAddress(InetAddress.getByAddress(address.ip().toBytes()), address.port()))
        .await();
    if (!bound.isSuccess()) {
      server.close();
      throw new IOException("metrics " + address + ": " + bound.cause().getMessage());
    }
    server.listener = bound.channel();
    return server;
  }

  /** The port that is listened on. */
  int port() {
    return listener == null ? 0 : ((InetSocketAddress) listener.localAddress()).getPort();
  }

  @Override
  public void close() {
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  private final class Connection extends ChannelInitializer<Channel> {
    @Override
    public boolean isSharable() {
      return true;
    }

    @Override
    protected void initChannel(Channel channel) {
      channel.closeFuture().addListener(closed -> connections.decrementAndGet());
      if (connections.incrementAndGet() > MOST_CONNECTIONS) {
        channel.close();
        return;
      }
      channel
          .pipeline()
          .addLast(
              new ReadTimeoutHandler(PATIENCE_SECONDS),
              new HttpServerCodec(),
              new HttpObjectAggregator(LONGEST_BODY),
              new Answer());
    }
  }

  private final class Answer extends SimpleChannelInboundHandler<FullHttpRequest> {
    private boolean asked;

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      if (asked) {
        return;
      }
      asked = true;
      context.channel().config().setAutoRead(false);
      String accept = request.headers().get(HttpHeaderNames.ACCEPT, "");
      String path = request.uri().split("\\?", 2)[0];
      boolean head = request.method().equals(HttpMethod.HEAD);
      if (!head && !request.method().equals(HttpMethod.GET)) {
        send(context, false, text(HttpResponseStatus.METHOD_NOT_ALLOWED, "GET alone"));
      } else if (path.equals("/metrics")) {
        source
            .metrics()
            .thenApply(all -> written(all, accept))
            .exceptionally(e -> text(
                HttpResponseStatus.SERVICE_UNAVAILABLE, "the event loops do not answer in time"))
            .thenAccept(response -> send(context, head, response));
      } else if (path.equals("/health")) {
        source
            .trouble()
            .thenApply(trouble -> trouble == null
                ? text(HttpResponseStatus.OK, "ok")
                : text(HttpResponseStatus.SERVICE_UNAVAILABLE, trouble))
            .thenAccept(response -> send(context, head, response));
      } else {
        send(context, head, text(HttpResponseStatus.NOT_FOUND, "/metrics or /health"));
      }
    }

    private void send(ChannelHandlerContext context, boolean head, FullHttpResponse response) {
      response
          .headers()
          .set(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes())
          .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
      if (head) {
        response.content().clear();
      }
      context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      context.close();
    }
  }

  private static FullHttpResponse text(HttpResponseStatus status, String text) {
    return response(
        status, "text/plain; charset=utf-8", (text + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private static FullHttpResponse written(MetricSnapshots all, String accept) {
    ExpositionFormatWriter openMetrics = OpenMetricsTextFormatWriter.create();
    ExpositionFormatWriter writer =
        openMetrics.accepts(accept) ? openMetrics : PrometheusTextFormatWriter.create();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      writer.write(out, all);
    } catch (IOException e) {
      throw new IllegalStateException("bytes in memory do not fail", e);
    }
    return response(HttpResponseStatus.OK, writer.getContentType(), out.toByteArray());
  }

  private static FullHttpResponse response(
      HttpResponseStatus status, String contentType, byte[] content) {
    FullHttpResponse response =
        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(content));
    response.headers().set(HttpHeaderNames.CONTENT_TYPE, contentType);
    return response;
  }
}
