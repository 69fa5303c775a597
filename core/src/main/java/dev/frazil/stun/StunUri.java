package dev.frazil.stun;

import dev.frazil.net.IpAddress;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Where a STUN or TURN server is: {@code stun:}, {@code stuns:} (RFC 7064), {@code turn:} and {@code turns:} (RFC 7065).
 *
 * @param scheme one of the four
 * @param host a name, an IPv4 address or an IPv6 address without brackets
 * @param port 1 to 65535; 0 when none is given, so that a look-up in DNS may find one
 * @param transport {@code udp}, {@code tcp} or another token, in lower case, of a TURN URI; null when none is given
 */
public record StunUri(
    Scheme scheme, String host, int port, @Nullable String transport) {
  private static final int LONGEST = 1024;

  /** What to speak, and whether over TLS or DTLS. */
  public enum Scheme {
    STUN(false, 3478),
    STUNS(true, 5349),
    TURN(false, 3478),
    TURNS(true, 5349);

    private final boolean secure;
    private final int defaultPort;

    Scheme(boolean secure, int defaultPort) {
      this.secure = secure;
      this.defaultPort = defaultPort;
    }

    /** Over TLS, or over DTLS where the transport is UDP. */
    public boolean isSecure() {
      return secure;
    }

    /** 3478, or 5349 where it is secure. */
    public int defaultPort() {
      return defaultPort;
    }

    boolean isTurn() {
      return this == TURN || this == TURNS;
    }
  }

  public StunUri {
    if (port < 0 || port > 65535) {
      throw malformed("port", Integer.toString(port), "1 to 65535");
    }
    checkHost(host);
    if (transport != null && !scheme.isTurn()) {
      throw malformed("transport", transport, "only of turn: and turns: (RFC 7064 3.1)");
    }
    if (transport != null && !transport.matches("[a-z0-9._~-]+")) {
      throw malformed("transport", transport, "unreserved characters (RFC 7065 3.1)");
    }
  }

  /**
   * Reads a URI.
   *
   * @throws IllegalArgumentException when it is malformed; the message names the part, its value and the rule
   */
  public static StunUri parse(String text) {
    if (text.length() > LONGEST) {
      throw malformed("URI", text, "at most " + LONGEST + " characters");
    }
    int colon = text.indexOf(':');
    Scheme scheme = scheme(text.substring(0, Math.max(colon, 0)));
    String rest = text.substring(colon + 1);
    if (rest.startsWith("/")) {
      throw malformed("URI", text, "no // behind the scheme (RFC 7064 3.1)");
    }
    for (char forbidden : new char[] {'#', '@', '/'}) {
      if (rest.indexOf(forbidden) >= 0) {
        throw malformed("URI", text, "no '" + forbidden + "' (RFC 7064 3.1)");
      }
    }
    int question = rest.indexOf('?');
    String transport = question < 0 ? null : transport(rest.substring(question + 1));
    String authority = question < 0 ? rest : rest.substring(0, question);
    int end = hostEnd(authority);
    String host =
        authority.startsWith("[") ? authority.substring(1, end - 1) : authority.substring(0, end);
    return new StunUri(scheme, host, port(authority.substring(end)), transport);
  }

  private static Scheme scheme(String text) {
    for (Scheme scheme : Scheme.values()) {
      if (scheme.name().equalsIgnoreCase(text)) {
        return scheme;
      }
    }
    throw malformed("scheme", text, "stun, stuns, turn or turns");
  }

  private static String transport(String query) {
    String prefix = "transport=";
    if (!query.regionMatches(true, 0, prefix, 0, prefix.length())) {
      throw malformed("query", query, "transport=… (RFC 7065 3.1)");
    }
    return query.substring(prefix.length()).toLowerCase(Locale.ROOT);
  }

  private static int hostEnd(String authority) {
    if (!authority.startsWith("[")) {
      int colon = authority.indexOf(':');
      return colon < 0 ? authority.length() : colon;
    }
    int bracket = authority.indexOf(']');
    if (bracket < 0 || authority.indexOf(':') > bracket || authority.indexOf(':') < 0) {
      throw malformed("host", authority, "an IPv6 address in brackets");
    }
    return bracket + 1;
  }

  private static int port(String text) {
    if (text.isEmpty()) {
      return 0;
    }
    boolean number = text.matches(":[0-9]{1,5}");
    int port = number ? Integer.parseInt(text.substring(1)) : 0;
    if (port < 1 || port > 65535) {
      throw malformed("port", text, "':' and 1 to 65535");
    }
    return port;
  }

  private static void checkHost(String host) {
    boolean name = host.length() <= 255 && host.matches("[A-Za-z0-9._~!$&'()*+,;=-]+");
    if (name && !isLiteral(host)) {
      return;
    }
    try {
      IpAddress.parse(host.indexOf('%') >= 0 ? "" : host); // RFC 3986 3.2.2 has no zones
    } catch (IllegalArgumentException e) {
      throw malformed("host", host, "a name, an IPv4 address or a bracketed IPv6 address");
    }
  }

  /** The port to use where DNS names no other. */
  public int portOrDefault() {
    return port == 0 ? scheme.defaultPort() : port;
  }

  /** Whether the host is an IP address, so that nothing is to be looked up. */
  public boolean isLiteral() {
    return isLiteral(host);
  }

  private static boolean isLiteral(String host) {
    return host.indexOf(':') >= 0 || host.matches("[0-9.]+");
  }

  private static IllegalArgumentException malformed(String part, String value, String rule) {
    String shown = value.length() > 80 ? value.substring(0, 80) + "…" : value;
    return new IllegalArgumentException(
        "STUN URI: " + part + " \"" + shown + "\": must be " + rule);
  }

  /** The URI. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(scheme.name().toLowerCase(Locale.ROOT)).append(':');
    text.append(host.indexOf(':') >= 0 ? "[" + host + "]" : host);
    if (port != 0) {
      text.append(':').append(port);
    }
    return transport == null
        ? text.toString()
        : text.append("?transport=").append(transport).toString();
  }
}
