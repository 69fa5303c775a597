package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.client.ProxyServer;
import dev.frazil.netty.io.CertificateTrust;
import java.io.IOException;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How what is built connects to TURN servers: whom it believes, and through what it goes.
 *
 * @param <B> the builder itself
 */
public abstract sealed class ConnectionBuilder<B extends ConnectionBuilder<B>>
    permits IceSessionBuilder, TurnClientBuilder {
  ConnectionSettings connections = ConnectionSettings.DEFAULT;

  ConnectionBuilder() {}

  abstract B self();

  /**
   * The authorities whose certificates of TURN servers are believed, where they are valid and hold the server's name.
   * Default those that this Java trusts.
   */
  public B trustedAuthorities(KeyStore value) {
    return connect(connections.withTrust(CertificateTrust.of(value)));
  }

  /**
   * The authorities whose certificates of TURN servers are believed, from a file of PEM.
   *
   * @throws IOException when it can't be read
   * @throws IllegalArgumentException when there is no certificate in it
   */
  public B trustedAuthorities(Path pem) throws IOException {
    return connect(connections.withTrust(CertificateTrust.pem(pem)));
  }

  /**
   * The one certificate of TURN servers that is believed, whatever it says.
   *
   * @param sha256 the 32 bytes of the SHA-256 over the certificate
   */
  public B pinnedCertificate(byte[] sha256) {
    return connect(connections.withTrust(CertificateTrust.pinned(sha256)));
  }

  /**
   * A proxy that streams to TURN servers go through, asked by HTTP's CONNECT; datagrams go through none. Default none.
   *
   * @param username null when the proxy asks for none
   */
  public B httpProxy(IpAddress ip, int port, @Nullable String username, @Nullable String password) {
    return proxy(ProxyServer.Kind.HTTP_CONNECT, ip, port, username, password);
  }

  /**
   * A proxy that streams to TURN servers go through, asked by SOCKS5 (RFC 1928); datagrams go through none. Default none.
   *
   * @param username null when the proxy asks for none
   */
  public B socksProxy(
      IpAddress ip, int port, @Nullable String username, @Nullable String password) {
    return proxy(ProxyServer.Kind.SOCKS5, ip, port, username, password);
  }

  private B proxy(
      ProxyServer.Kind kind,
      IpAddress ip,
      int port,
      @Nullable String username,
      @Nullable String password) {
    TransportAddress address = new TransportAddress(ip, port, Transport.TCP);
    return connect(connections.withProxy(new ProxyServer(kind, address, username, password)));
  }

  /**
   * How long connecting to a TURN server may take, and then the handshakes with proxy and server, 1 ms to 5 minutes each.
   * Default 5 s.
   */
  public B timeouts(Duration connect, Duration handshake) {
    return connect(connections.withTimeouts(connect, handshake));
  }

  private B connect(ConnectionSettings value) {
    connections = value;
    return self();
  }
}
