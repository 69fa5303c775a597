package dev.frazil.netty.io;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;

/** How a server speaks TLS (RFC 8446, RFC 5246) and DTLS: with one identity, until there is another one. */
public final class ServerTls {
  private static final int HANDSHAKE_SECONDS = 10;

  /** Signatures take a millisecond, which event loops do not have. */
  private static final ExecutorService THREADS = threads();

  private final ServerIdentity identity;
  private final SslContext context;

  /**
   * Prepares an identity for use.
   *
   * @throws IllegalArgumentException when key and certificate can't be used
   */
  public ServerTls(ServerIdentity identity) {
    this.identity = identity;
    try {
      context = SslContextBuilder.forServer(identity.key(), identity.chain())
          .sslProvider(SslProvider.JDK)
          .protocols("TLSv1.3", "TLSv1.2")
          // RFC 7443; who offers only something else is refused (RFC 7301 3.2)
          .applicationProtocolConfig(new ApplicationProtocolConfig(
              ApplicationProtocolConfig.Protocol.ALPN,
              ApplicationProtocolConfig.SelectorFailureBehavior.FATAL_ALERT,
              ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
              StreamTls.STUN_TURN,
              StreamTls.STUN_NAT_DISCOVERY))
          .build();
    } catch (SSLException e) {
      throw new IllegalArgumentException(identity + ": " + e.getMessage(), e);
    }
  }

  private static ExecutorService threads() {
    int most = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);
    ThreadPoolExecutor threads = new ThreadPoolExecutor(
        most, most, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
          Thread thread = new Thread(task, "frazil-tls");
          thread.setDaemon(true);
          return thread;
        });
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  /** What is shown. */
  public ServerIdentity identity() {
    return identity;
  }

  SslHandler handler(ByteBufAllocator allocator) {
    SslHandler handler = context.newHandler(allocator, THREADS);
    // coturn's clients take a record for one message, whatever else is in it
    handler.setWrapDataSize(0);
    handler.setHandshakeTimeout(HANDSHAKE_SECONDS, TimeUnit.SECONDS);
    return handler;
  }
}
