package dev.frazil.netty.io;

import java.time.Duration;

/**
 * How a client connects to servers.
 *
 * @param connectTimeout how long the transport may take to connect
 * @param handshakeTimeout how long what follows may take: the proxy's and the TLS or DTLS handshake
 */
public record ConnectionSettings(Duration connectTimeout, Duration handshakeTimeout) {
  private static final Duration LONGEST = Duration.ofMinutes(5);

  /** What suits a call that somebody waits for. */
  public static final ConnectionSettings DEFAULT =
      new ConnectionSettings(Duration.ofSeconds(5), Duration.ofSeconds(5));

  public ConnectionSettings {
    requireRange("connectTimeout", connectTimeout);
    requireRange("handshakeTimeout", handshakeTimeout);
  }

  private static void requireRange(String name, Duration value) {
    if (value.toMillis() < 1 || value.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(name + " " + value + ": must be 1 ms to " + LONGEST);
    }
  }

  public ConnectionSettings withTimeouts(Duration connect, Duration handshake) {
    return new ConnectionSettings(connect, handshake);
  }
}
