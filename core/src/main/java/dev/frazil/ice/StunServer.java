package dev.frazil.ice;

/**
 * A STUN server over UDP that tells the agent its server-reflexive addresses.
 *
 * @param host a name or an IP address without brackets
 * @param port 1 to 65535
 */
public record StunServer(String host, int port) {
  /** The default port (RFC 8489 18.6). */
  public static final int DEFAULT_PORT = 3478;

  public StunServer {
    if (host.isEmpty() || host.length() > 255) {
      throw new IllegalArgumentException(
          "STUN server host \"" + host + "\": must be 1 to 255 characters");
    }
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException("STUN server port " + port + ": must be 1 to 65535");
    }
  }

  @Override
  public String toString() {
    return host.indexOf(':') < 0 ? host + ":" + port : "[" + host + "]:" + port;
  }
}
