package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.client.ProxyServer;
import dev.frazil.netty.client.ServerAddress;
import dev.frazil.netty.client.ServerConnection;
import dev.frazil.netty.io.Sockets;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ProxyConnectionTest {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final byte[] MESSAGE = {0x40, 1, 0, 4, 1, 2, 3, 4};

  /** Somewhere that cannot be reached but by the proxy. */
  private static final TransportAddress FAR =
      new TransportAddress(IpAddress.parse("192.0.2.7"), 3478, Transport.TCP);

  private static Connections open(
      Ports ports, StreamServer proxy, ProxyServer.Kind kind, @Nullable String user, boolean secure)
      throws Exception {
    ProxyServer through =
        new ProxyServer(kind, proxy.address().server(), user, user == null ? null : "secret");
    return Connections.open(
        ports,
        new ServerAddress(null, FAR, secure, "turn.example.org"),
        ConnectionSettings.DEFAULT.withProxy(through).withTrust(new Certificates().trust()));
  }

  private static String readHead(StreamServer proxy) throws IOException {
    StringBuilder head = new StringBuilder();
    while (!head.toString().endsWith("\r\n\r\n")) {
      head.append((char) proxy.read(1)[0]);
    }
    return head.toString();
  }

  private static void say(StreamServer proxy, String text) throws IOException {
    proxy.out().write(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void exchange(Ports ports, Connections client, StreamServer server)
      throws Exception {
    ServerConnection connection = Loopback.await(client.connected);
    assertThat(connection.path().remote()).isEqualTo(FAR);
    ports.on(() -> connection.transmit(ByteBuffer.wrap(MESSAGE), NOTHING));
    assertThat(server.read(MESSAGE.length)).isEqualTo(MESSAGE);
    server.out().write(MESSAGE);
    assertThat(client.next()).isEqualTo(MESSAGE);
  }

  @Test
  void httpProxyIsAskedWithUserAndPassword() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer proxy = new StreamServer()) {
      Connections client = open(ports, proxy, ProxyServer.Kind.HTTP_CONNECT, "anna", false);
      proxy.accept();
      String credentials = Base64.getEncoder().encodeToString("anna:secret".getBytes());
      assertThat(readHead(proxy))
          .startsWith("CONNECT 192.0.2.7:3478 HTTP/1.1\r\n")
          .containsIgnoringCase("proxy-authorization: Basic " + credentials);
      say(proxy, "HTTP/1.1 200 Connection established\r\n\r\n");
      exchange(ports, client, proxy);
    }
  }

  @Test
  void refusalOfAnHttpProxyIsToldWithItsWords() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer proxy = new StreamServer()) {
      Connections client = open(ports, proxy, ProxyServer.Kind.HTTP_CONNECT, null, false);
      proxy.accept();
      assertThat(readHead(proxy)).doesNotContainIgnoringCase("proxy-authorization");
      say(proxy, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      assertThat(Loopback.await(client.failed))
          .isEqualTo(
              "the proxy wants another user and password: 407 Proxy Authentication Required");
    }
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer proxy = new StreamServer()) {
      Connections client = open(ports, proxy, ProxyServer.Kind.HTTP_CONNECT, null, false);
      proxy.accept();
      readHead(proxy);
      say(proxy, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      assertThat(Loopback.await(client.failed)).isEqualTo("the proxy refuses: 403 Forbidden");
    }
  }

  @Test
  void socksProxyIsAskedWithUserAndPassword() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer proxy = new StreamServer()) {
      Connections client = open(ports, proxy, ProxyServer.Kind.SOCKS5, "anna", false);
      proxy.accept();
      byte[] methods = proxy.read(2);
      assertThat(methods[0]).isEqualTo((byte) 5);
      assertThat(proxy.read(methods[1])).contains(2); // user and password
      proxy.out().write(new byte[] {5, 2});
      assertThat(proxy.read(13)).isEqualTo("\001\004anna\006secret".getBytes());
      proxy.out().write(new byte[] {1, 0});
      assertThat(proxy.read(10)) // CONNECT to an IPv4 address
          .isEqualTo(new byte[] {5, 1, 0, 1, (byte) 192, 0, 2, 7, 3478 >> 8, (byte) 3478});
      proxy.out().write(new byte[] {5, 0, 0, 1, 127, 0, 0, 1, 0, 9});
      exchange(ports, client, proxy);
    }
  }

  @Test
  void socksProxyNeedsNoUser() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer proxy = new StreamServer()) {
      Connections client = open(ports, proxy, ProxyServer.Kind.SOCKS5, null, false);
      proxy.accept();
      assertThat(proxy.read(3)).isEqualTo(new byte[] {5, 1, 0});
      proxy.out().write(new byte[] {5, 0});
      proxy.read(10);
      proxy.out().write(new byte[] {5, 5, 0, 1, 0, 0, 0, 0, 0, 0}); // connection refused
      assertThat(Loopback.await(client.failed))
          .startsWith("the proxy refuses: ")
          .containsIgnoringCase("refused");
    }
  }

  @Test
  void tlsGoesThroughTheProxyToTheServer() throws Exception {
    Certificates certificates = new Certificates();
    X509Bundle identity = certificates.issue("turn.example.org");
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer proxy = new StreamServer()) {
      ProxyServer through =
          new ProxyServer(ProxyServer.Kind.HTTP_CONNECT, proxy.address().server(), null, null);
      Connections client = Connections.open(
          ports,
          new ServerAddress(null, FAR, true, "turn.example.org"),
          ConnectionSettings.DEFAULT.withProxy(through).withTrust(certificates.trust()));
      proxy.accept();
      readHead(proxy);
      say(proxy, "HTTP/1.1 200 OK\r\n\r\n");
      SSLSocket tls = (SSLSocket) Certificates.context(identity)
          .getSocketFactory()
          .createSocket(proxy.client, null, proxy.client.getPort(), true);
      tls.setUseClientMode(false);
      tls.startHandshake();
      proxy.client = tls;
      exchange(ports, client, proxy);
    }
  }

  @Test
  void proxyThatDoesNotAnswerIsGivenUp() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer proxy = new StreamServer()) {
      ProxyServer through =
          new ProxyServer(ProxyServer.Kind.SOCKS5, proxy.address().server(), null, null);
      Connections client = Connections.open(
          ports,
          new ServerAddress(null, FAR, false, "192.0.2.7"),
          ConnectionSettings.DEFAULT
              .withProxy(through)
              .withTimeouts(Duration.ofSeconds(20), Duration.ofMillis(100)));
      proxy.accept();
      assertThat(Loopback.await(client.failed)).isEqualTo("no answer of the proxy in 0.1 s");
    }
  }

  @Test
  void passwordIsNotShown() {
    TransportAddress at = new TransportAddress(IpAddress.parse("192.0.2.1"), 1080, Transport.TCP);
    assertThat(new ProxyServer(ProxyServer.Kind.SOCKS5, at, "anna", "secret").toString())
        .contains("192.0.2.1")
        .doesNotContain("secret");
    TransportAddress udp = TransportAddress.udp("192.0.2.1", 1080);
    assertThatThrownBy(() -> new ProxyServer(ProxyServer.Kind.SOCKS5, udp, "anna", "secret"))
        .hasMessageContaining("must be an address of TCP");
  }
}
