package dev.frazil.lab.flood;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;

/**
 * The server that is flooded.
 *
 * @param plain where UDP and TCP are listened on
 * @param secure where DTLS and TLS are listened on
 * @param user who may relay
 * @param password the user's
 */
record Target(InetSocketAddress plain, InetSocketAddress secure, String user, String password) {
  /** An address of this host that is another host's to the server: 127.0.{@code net}.{@code net}, any port. */
  static InetSocketAddress source(int net) throws UnknownHostException {
    byte[] ip = {127, 0, (byte) net, (byte) net};
    return new InetSocketAddress(InetAddress.getByAddress(ip), 0);
  }
}
