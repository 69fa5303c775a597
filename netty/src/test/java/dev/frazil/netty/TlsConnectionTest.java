package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.client.ServerAddress;
import dev.frazil.netty.client.ServerConnection;
import dev.frazil.netty.io.CertificateTrust;
import dev.frazil.netty.io.Sockets;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class TlsConnectionTest {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final String HOST = "turn.example.org";
  private static Certificates certificates;

  @BeforeAll
  static void makeAuthority() throws Exception {
    certificates = new Certificates();
  }

  private static List<Sockets.Engine> transports() {
    return DatagramPortTest.transports().toList();
  }

  private static ConnectionSettings settings() throws Exception {
    return ConnectionSettings.DEFAULT.withTrust(certificates.trust());
  }

  private static StreamServer server(X509Bundle identity, String... protocols) throws Exception {
    SSLServerSocket socket = (SSLServerSocket) Certificates.context(identity)
        .getServerSocketFactory()
        .createServerSocket(0, 5, InetAddress.getByName("127.0.0.1"));
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setApplicationProtocols(new String[] {"stun.nat-discovery", "stun.turn"});
    socket.setSSLParameters(parameters);
    if (protocols.length > 0) {
      socket.setEnabledProtocols(protocols);
    }
    return new StreamServer(socket);
  }

  /** Connects and gives the reason of the refusal; nothing but the handshake may have reached the server. */
  private static String refusal(X509Bundle identity, String host, CertificateTrust trust)
      throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = server(identity)) {
      Connections client = Connections.open(
          ports, server.address(host), ConnectionSettings.DEFAULT.withTrust(trust));
      server.accept();
      assertThatThrownBy(() -> {
            ((SSLSocket) server.client).startHandshake();
            server.read(1);
          })
          .isInstanceOf(IOException.class);
      String reason = Loopback.await(client.failed);
      assertThat(client.connection().certificate()).isEqualTo(identity.getCertificate());
      return reason;
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void messagesGoBothWays(Sockets.Engine transport) throws Exception {
    X509Bundle identity = certificates.issue(HOST);
    try (Ports ports = new Ports(transport);
        StreamServer server = server(identity)) {
      Connections client = Connections.open(ports, server.address(HOST), settings());
      server.accept();
      ((SSLSocket) server.client).startHandshake();
      ServerConnection connection = Loopback.await(client.connected);
      assertThat(connection.certificate()).isEqualTo(identity.getCertificate());
      assertThat(connection.path().remote()).isEqualTo(server.address().server());

      byte[] message = {0x40, 1, 0, 4, 1, 2, 3, 4};
      assertThat(ports.on(() -> connection.transmit(ByteBuffer.wrap(message), NOTHING)))
          .isTrue();
      assertThat(server.read(8)).isEqualTo(message);
      server.out().write(message);
      assertThat(client.next()).isEqualTo(message);

      server.client.close();
      assertThat(Loopback.await(client.closed)).contains("closed the connection");
    }
  }

  @Test
  @Tag("STUN-1260")
  void namesHostAndProtocolInTheHello() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = server(certificates.issue(HOST))) {
      Connections client = Connections.open(ports, server.address(HOST), settings());
      server.accept();
      SSLSocket socket = (SSLSocket) server.client;
      socket.startHandshake();
      Loopback.await(client.connected);
      assertThat(socket.getApplicationProtocol()).isEqualTo("stun.turn");
      assertThat(((ExtendedSSLSession) socket.getSession()).getRequestedServerNames())
          .containsExactly(new SNIHostName(HOST));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "turn.example.org, turn.example.org",
    "*.example.org, turn.example.org",
    "TURN.example.ORG, turn.EXAMPLE.org",
  })
  @Tag("STUN-0480")
  void certificateOfTheHostIsBelieved(String certified, String host) throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = server(certificates.issue(certified))) {
      Connections client = Connections.open(ports, server.address(host), settings());
      server.accept();
      ((SSLSocket) server.client).startHandshake();
      assertThat(Loopback.await(client.connected)).isNotNull();
    }
  }

  @Test
  void certificateOfAnAddressIsBelieved() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = server(certificates.issueForAddress("127.0.0.1"))) {
      Connections client = Connections.open(ports, server.address("127.0.0.1"), settings());
      server.accept();
      ((SSLSocket) server.client).startHandshake();
      assertThat(Loopback.await(client.connected)).isNotNull();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "other.example.org, turn.example.org",
    "*.example.org, a.turn.example.org",
    "*.example.org, example.org",
    "*.org, example.org",
    "turn.example.org, 127.0.0.1",
  })
  @Tag("STUN-0480")
  void certificateOfAnotherHostIsRefused(String certified, String host) throws Exception {
    assertThat(refusal(certificates.issue(certified), host, certificates.trust()))
        .isEqualTo("the certificate is for " + certified + ", not for " + host);
  }

  @Test
  @Tag("STUN-0480")
  void expiredCertificateIsRefused() throws Exception {
    X509Bundle expired = certificates.issueExpired(HOST);
    assertThat(refusal(expired, HOST, certificates.trust()))
        .isEqualTo("the certificate expired on "
            + expired.getCertificate().getNotAfter().toInstant().toString().substring(0, 10));
  }

  @Test
  @Tag("STUN-0480")
  void selfSignedCertificateIsRefused() throws Exception {
    X509Bundle own = Certificates.builder(HOST).setIsCertificateAuthority(true).buildSelfSigned();
    assertThat(refusal(own, HOST, certificates.trust())).contains("self-signed", "CN=nobody");
    assertThat(refusal(own, HOST, CertificateTrust.system())).contains("self-signed");
  }

  @Test
  @Tag("STUN-0480")
  void unknownAuthorityIsRefused() throws Exception {
    assertThat(refusal(certificates.issue(HOST), HOST, CertificateTrust.system()))
        .isEqualTo("the certificate's issuer is not trusted: CN=Test Authority");
  }

  @Test
  void pinnedCertificateIsBelievedWhateverItSays() throws Exception {
    X509Bundle own = new CertificateBuilder()
        .subject("CN=whatever")
        .ecp256()
        .setIsCertificateAuthority(true)
        .buildSelfSigned();
    byte[] sha256 = CertificateTrust.sha256(own.getCertificate());
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = server(own)) {
      Connections client = Connections.open(
          ports,
          server.address(HOST),
          ConnectionSettings.DEFAULT.withTrust(CertificateTrust.pinned(sha256)));
      server.accept();
      ((SSLSocket) server.client).startHandshake();
      assertThat(Loopback.await(client.connected)).isNotNull();
    }
    X509Bundle other = certificates.issue(HOST);
    assertThat(refusal(other, HOST, CertificateTrust.pinned(sha256)))
        .contains("not the pinned one")
        .contains(
            HexFormat.ofDelimiter(":").formatHex(CertificateTrust.sha256(other.getCertificate())));
  }

  @Test
  @Tag("STUN-0480")
  void oldVersionsOfTlsAreRefused() throws Exception {
    byte[] hello = ByteBuffer.allocate(5 + 4 + 38)
        .put(HexFormat.of().parseHex("16 0302 002a 02 000026 0302".replace(" ", "")))
        .position(5 + 4 + 2 + 32 + 1) // the random and no session
        .putShort((short) 0xC013) // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
        .array();
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(HOST), settings());
      server.accept();
      byte[] record = server.read(5);
      server.read(record[3] << 8 | record[4] & 0xFF);
      server.out().write(hello);
      assertThat(server.read(7)).startsWith(21).endsWith(2, 70); // alert: protocol_version
      assertThat(Loopback.await(client.failed)).startsWith("no TLS connection");
    }
  }

  @Test
  void serverWithoutTlsIsToldApart() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(HOST), settings());
      server.accept();
      server.out().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes());
      assertThat(Loopback.await(client.failed))
          .isEqualTo("the server does not speak TLS on that port");
    }
  }

  @Test
  void serverThatClosesInTheHandshakeIsToldApart() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(HOST), settings());
      server.accept();
      server.read(1);
      server.client.close();
      assertThat(Loopback.await(client.failed))
          .isIn(
              "the server closed the connection in the TLS handshake",
              "the other side broke the connection");
    }
  }

  @Test
  void handshakeThatDoesNotEndIsGivenUp() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      ConnectionSettings hasty =
          settings().withTimeouts(Duration.ofSeconds(20), Duration.ofMillis(100));
      ServerAddress where = server.address(HOST);
      Connections client = Connections.open(ports, where, hasty);
      server.accept();
      assertThat(Loopback.await(client.failed)).isEqualTo("no TLS handshake in 0.1 s");
    }
  }
}
