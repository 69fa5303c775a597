package dev.frazil.server;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.HexFormat;

/** Reads the texts of settings. Each method throws an {@link IllegalArgumentException} that says the rule. */
final class SettingText {
  private static final int LAST_PORT = 65535;

  private SettingText() {}

  /** A whole number from 0 to 2^31 - 1. */
  static int count(String text) {
    return (int) number(text, 0, Integer.MAX_VALUE);
  }

  /** A whole number within limits. */
  static long number(String text, long least, long most) {
    try {
      long number = Long.parseLong(text);
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new IllegalArgumentException(
        "'" + text + "': has to be a whole number from " + least + " to " + most);
  }

  static int port(String text) {
    int port = count(text);
    if (port > LAST_PORT) {
      throw new IllegalArgumentException("'" + text + "': a port is 0 to 65535");
    }
    return port;
  }

  /** The address of one host. */
  static IpAddress host(String text) {
    IpAddress ip = IpAddress.parse(text);
    if (ip.isUnspecified() || ip.isMulticast()) {
      throw new IllegalArgumentException("'" + text + "': has to be an address of one host");
    }
    return ip;
  }

  /** {@code IP}, {@code IPV4:PORT} or {@code [IPV6]:PORT}, as an address of UDP. */
  static TransportAddress endpoint(String text, int defaultPort) {
    boolean bracketed = text.startsWith("[");
    int colon = text.lastIndexOf(':');
    boolean withPort =
        colon > 0 && (bracketed ? colon == text.indexOf(']') + 1 : colon == text.indexOf(':'));
    String ip = withPort ? text.substring(0, colon) : text;
    if (bracketed && ip.endsWith("]")) {
      ip = ip.substring(1, ip.length() - 1);
    }
    int port = withPort ? port(text.substring(colon + 1)) : defaultPort;
    return TransportAddress.udp(ip, port);
  }

  /** The text before and behind the first colon, of what may be secret. */
  static String[] pair(String text, String form) {
    int colon = text.indexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException("(hidden): has to be " + form);
    }
    return new String[] {text.substring(0, colon), text.substring(colon + 1)};
  }

  /** Bytes in hexadecimal, with 0x before them or not. */
  static byte[] hex(String text) {
    String digits = text.startsWith("0x") ? text.substring(2) : text;
    try {
      return HexFormat.of().parseHex(digits);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("(hidden): has to be hexadecimal");
    }
  }
}
