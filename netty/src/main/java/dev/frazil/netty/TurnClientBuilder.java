package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.client.ProxyServer;
import dev.frazil.netty.io.CertificateTrust;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.StunUri;
import dev.frazil.turn.TurnConfiguration;
import dev.frazil.turn.TurnEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Collects the settings of a {@link TurnClient}; each but the server has a default. */
public final class TurnClientBuilder {
  final IceRuntime runtime;
  final StunUri server;
  final Transport transport;
  ConnectionSettings connections = ConnectionSettings.DEFAULT;
  Consumer<TurnConfiguration.Builder> configuration = builder -> {};
  TurnClient.DataHandler data = (peer, payload) -> {};
  Consumer<TurnEvent> events = event -> {};
  Consumer<TurnStream> streams = TurnStream::close;

  @Nullable IpAddress local;

  TurnClientBuilder(IceRuntime runtime, StunUri server) {
    boolean turn =
        server.scheme() == StunUri.Scheme.TURN || server.scheme() == StunUri.Scheme.TURNS;
    if (!turn) {
      throw new IllegalArgumentException("server " + server + ": must be turn: or turns:");
    }
    String named = server.transport();
    if (named != null && !named.equals("udp") && !named.equals("tcp")) {
      throw new IllegalArgumentException(
          "server " + server + ": transport must be udp or tcp, not " + named);
    }
    boolean tcp = named == null ? server.scheme().isSecure() : named.equals("tcp");
    this.runtime = runtime;
    this.server = server;
    this.transport = tcp ? Transport.TCP : Transport.UDP;
  }

  /** The account on the server; one of a REST service (its name holds a time) is like any other. */
  public TurnClientBuilder credential(String username, String password) {
    LongTermCredential credential = new LongTermCredential(username, password);
    return configure(builder -> builder.credential(credential));
  }

  /**
   * Says more about the allocation: families, lifetime, TCP to peers, mobility, an access token and so on.
   *
   * @param settings is asked once for each address of the server that is tried
   */
  public TurnClientBuilder configure(Consumer<TurnConfiguration.Builder> settings) {
    configuration = configuration.andThen(settings);
    return this;
  }

  /** Takes what peers send. Default: it is dropped. */
  public TurnClientBuilder onData(TurnClient.DataHandler handler) {
    data = Objects.requireNonNull(handler, "handler");
    return this;
  }

  /** Hears what happens to the allocation, on the event loop, which it must not block. */
  public TurnClientBuilder onEvent(Consumer<TurnEvent> handler) {
    events = Objects.requireNonNull(handler, "handler");
    return this;
  }

  /** Takes the TCP connections that peers open (RFC 6062). Default: they are closed. */
  public TurnClientBuilder onStream(Consumer<TurnStream> handler) {
    streams = Objects.requireNonNull(handler, "handler");
    return this;
  }

  /** The address of this host to speak from. Default: the system chooses. */
  public TurnClientBuilder localAddress(IpAddress value) {
    local = value;
    return this;
  }

  /**
   * The authorities whose certificates are believed, where they are valid and hold the server's name. Default those that
   * this Java trusts.
   */
  public TurnClientBuilder trustedAuthorities(KeyStore value) {
    connections = connections.withTrust(CertificateTrust.of(value));
    return this;
  }

  /**
   * The authorities whose certificates are believed, from a file of PEM.
   *
   * @throws IOException when it can't be read
   * @throws IllegalArgumentException when there is no certificate in it
   */
  public TurnClientBuilder trustedAuthorities(Path pem) throws IOException {
    connections = connections.withTrust(CertificateTrust.pem(pem));
    return this;
  }

  /**
   * The one certificate that is believed, whatever it says.
   *
   * @param sha256 the 32 bytes of the SHA-256 over the certificate
   */
  public TurnClientBuilder pinnedCertificate(byte[] sha256) {
    connections = connections.withTrust(CertificateTrust.pinned(sha256));
    return this;
  }

  /**
   * A proxy that streams go through, asked by HTTP's CONNECT; datagrams go through none. Default none.
   *
   * @param username null when the proxy asks for none
   */
  public TurnClientBuilder httpProxy(
      IpAddress ip, int port, @Nullable String username, @Nullable String password) {
    return proxy(ProxyServer.Kind.HTTP_CONNECT, ip, port, username, password);
  }

  /**
   * A proxy that streams go through, asked by SOCKS5 (RFC 1928); datagrams go through none. Default none.
   *
   * @param username null when the proxy asks for none
   */
  public TurnClientBuilder socksProxy(
      IpAddress ip, int port, @Nullable String username, @Nullable String password) {
    return proxy(ProxyServer.Kind.SOCKS5, ip, port, username, password);
  }

  private TurnClientBuilder proxy(
      ProxyServer.Kind kind,
      IpAddress ip,
      int port,
      @Nullable String username,
      @Nullable String password) {
    TransportAddress address = new TransportAddress(ip, port, Transport.TCP);
    connections = connections.withProxy(new ProxyServer(kind, address, username, password));
    return this;
  }

  /**
   * How long connecting may take, and then the handshakes with proxy and server, 1 ms to 5 minutes each. Default 5 s.
   */
  public TurnClientBuilder timeouts(Duration connect, Duration handshake) {
    connections = connections.withTimeouts(connect, handshake);
    return this;
  }

  /**
   * Asks for the allocation; {@link TurnClient#allocated} tells what became of it.
   *
   * @throws IllegalArgumentException when settings exclude each other
   * @throws IllegalStateException when the runtime is closed
   */
  public TurnClient open() {
    return TurnClient.open(this);
  }
}
