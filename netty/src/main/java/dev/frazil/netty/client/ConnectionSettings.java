package dev.frazil.netty.client;

import dev.frazil.netty.io.CertificateTrust;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a client connects to servers.
 *
 * @param trust which certificates are believed
 * @param proxy what streams go through; null for none. Datagrams go through no proxy
 * @param connectTimeout how long the transport may take to connect
 * @param handshakeTimeout how long what follows may take: the proxy's and the TLS or DTLS handshake
 */
public record ConnectionSettings(
    CertificateTrust trust,
    @Nullable ProxyServer proxy,
    Duration connectTimeout,
    Duration handshakeTimeout) {
  private static final Duration LONGEST = Duration.ofMinutes(5);

  /** The system's authorities, no proxy, and what suits a call that somebody waits for. */
  public static final ConnectionSettings DEFAULT = new ConnectionSettings(
      CertificateTrust.system(), null, Duration.ofSeconds(5), Duration.ofSeconds(5));

  public ConnectionSettings {
    requireRange("connectTimeout", connectTimeout);
    requireRange("handshakeTimeout", handshakeTimeout);
  }

  private static void requireRange(String name, Duration value) {
    if (value.toMillis() < 1 || value.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(name + " " + value + ": must be 1 ms to " + LONGEST);
    }
  }

  public ConnectionSettings withTrust(CertificateTrust value) {
    return new ConnectionSettings(value, proxy, connectTimeout, handshakeTimeout);
  }

  public ConnectionSettings withProxy(@Nullable ProxyServer value) {
    return new ConnectionSettings(trust, value, connectTimeout, handshakeTimeout);
  }

  public ConnectionSettings withTimeouts(Duration connect, Duration handshake) {
    return new ConnectionSettings(trust, proxy, connect, handshake);
  }
}
