package dev.frazil.lab.interop;

import java.net.InetAddress;
import java.net.UnknownHostException;

/** Addresses and ports as text in one spelling. */
final class Endpoints {
  private Endpoints() {}

  /** {@code ADDRESS:PORT}, IPv6 in brackets: what {@code --stun} takes. */
  static String text(String address, int port) {
    String canonical = canonical(address);
    return canonical.contains(":") ? "[" + canonical + "]:" + port : canonical + ":" + port;
  }

  private static String canonical(String address) {
    if (!address.matches("[0-9a-fA-F:.]+")) {
      return address;
    }
    try {
      return InetAddress.getByName(address).getHostAddress();
    } catch (UnknownHostException noAddress) {
      return address;
    }
  }
}
