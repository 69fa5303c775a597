package dev.frazil.netty.io;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.net.Socket;
import java.nio.channels.ClosedChannelException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.X509ExtendedTrustManager;

/** The client's side of TLS, 1.2 or newer (BCP 195), by the JDK's engine. */
public final class StreamTls {
  /** RFC 7443 3. */
  public static final String STUN_TURN = "stun.turn";

  public static final String STUN_NAT_DISCOVERY = "stun.nat-discovery";

  private StreamTls() {}

  /**
   * Makes what a connection to one server takes; on a thread of its own choice, since the first time it reads the trusted
   * authorities from a file.
   *
   * @param seen gets the server's certificate before it is judged
   */
  public static CompletableFuture<SslContext> context(
      CertificateTrust trust, String host, Consumer<X509Certificate> seen) {
    return CompletableFuture.supplyAsync(() -> {
      try {
        return SslContextBuilder.forClient()
            .sslProvider(SslProvider.JDK)
            .protocols("TLSv1.3", "TLSv1.2")
            .trustManager(new Judge(trust, host, seen))
            .endpointIdentificationAlgorithm("HTTPS")
            .applicationProtocolConfig(new ApplicationProtocolConfig(
                ApplicationProtocolConfig.Protocol.ALPN,
                ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                STUN_TURN))
            .build();
      } catch (SSLException e) {
        throw new IllegalStateException(e);
      }
    });
  }

  public static SslHandler handler(
      SslContext context, ByteBufAllocator allocator, String host, int port) {
    SslHandler handler = context.newHandler(allocator, host, port);
    handler.setHandshakeTimeoutMillis(0); // the connection has a limit of its own
    return handler;
  }

  /** What went wrong in a handshake, in plain words. */
  public static String words(Throwable cause) {
    for (Throwable each = cause; each != null; each = each.getCause()) {
      if (each instanceof CertificateTrust.Refused) {
        return String.valueOf(each.getMessage());
      }
    }
    String message = String.valueOf(cause.getMessage());
    if (cause instanceof NotSslRecordException) {
      return "the server does not speak TLS on that port";
    }
    if (cause instanceof ClosedChannelException) {
      return "the server closed the connection in the TLS handshake";
    }
    return cause instanceof SSLException ? "no TLS connection: " + message : PlainWords.of(cause);
  }

  private static final class Judge extends X509ExtendedTrustManager {
    private final CertificateTrust trust;
    private final String host;
    private final Consumer<X509Certificate> seen;

    Judge(CertificateTrust trust, String host, Consumer<X509Certificate> seen) {
      this.trust = trust;
      this.host = host;
      this.seen = seen;
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
        throws CertificateException {
      if (chain.length > 0) {
        seen.accept(chain[0]);
      }
      trust.check(chain, authType, host, engine);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
        throws CertificateException {
      throw new CertificateException("only by an engine");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType)
        throws CertificateException {
      throw new CertificateException("only by an engine");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
        throws CertificateException {
      throw new CertificateException("no client is judged here");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
        throws CertificateException {
      throw new CertificateException("no client is judged here");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType)
        throws CertificateException {
      throw new CertificateException("no client is judged here");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
