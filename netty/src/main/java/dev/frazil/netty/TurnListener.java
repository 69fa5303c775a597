package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.util.Locale;

/**
 * Where a {@link TurnService} listens, and what clients speak there.
 *
 * @param kind what carries STUN and TURN
 * @param address of UDP, or of TCP when the kind says so; port 0 lets the system choose; 0.0.0.0 and :: stand for each
 *     address of their family that the host has when the service starts
 */
public record TurnListener(Kind kind, TransportAddress address) {
  /** What carries STUN and TURN. */
  public enum Kind {
    UDP(Transport.UDP),
    TCP(Transport.TCP),
    /** TLS 1.2 and 1.3 over TCP. */
    TLS(Transport.TCP),
    /** DTLS 1.2 over UDP (RFC 7350). */
    DTLS(Transport.UDP);

    private final Transport transport;

    Kind(Transport transport) {
      this.transport = transport;
    }

    /** What it runs over. */
    public Transport transport() {
      return transport;
    }

    /** Whether the server shows who it is. */
    public boolean isSecure() {
      return this == TLS || this == DTLS;
    }
  }

  public TurnListener {
    if (address.transport() != kind.transport()) {
      throw new IllegalArgumentException(
          "listener " + address + ": " + kind + " runs over " + kind.transport());
    }
  }

  /** A listener at an IP address and a port. */
  public static TurnListener of(Kind kind, IpAddress ip, int port) {
    return new TurnListener(kind, new TransportAddress(ip, port, kind.transport()));
  }

  /** The same at another IP address. */
  TurnListener at(IpAddress ip) {
    return of(kind, ip, address.port());
  }

  /** {@code udp 192.0.2.1:3478}. */
  @Override
  public String toString() {
    String place = new TransportAddress(address.ip(), address.port(), Transport.UDP).toString();
    return kind.name().toLowerCase(Locale.ROOT) + " " + place;
  }
}
