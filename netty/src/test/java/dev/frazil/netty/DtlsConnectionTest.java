package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.client.ServerAddress;
import dev.frazil.netty.client.ServerConnection;
import dev.frazil.netty.io.CertificateTrust;
import dev.frazil.netty.io.DtlsPort;
import dev.frazil.netty.io.Sockets;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.tls.DTLSTransport;
import org.bouncycastle.tls.ProtocolVersion;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The client's side. */
class DtlsConnectionTest {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final String HOST = "turn.example.org";
  private static final byte[] MESSAGE = {0x40, 1, 0, 4, 1, 2, 3, 4};
  private static Certificates certificates;

  @BeforeAll
  static void makeAuthority() throws Exception {
    certificates = new Certificates();
  }

  private static List<Sockets.Engine> transports() {
    return DatagramPortTest.transports().toList();
  }

  private static ConnectionSettings settings() throws Exception {
    return ConnectionSettings.DEFAULT
        .withTrust(certificates.trust())
        .withTimeouts(Duration.ofSeconds(20), Duration.ofSeconds(20));
  }

  private static String refusal(X509Bundle identity, CertificateTrust trust) throws Exception {
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DtlsPort.Limits.DEFAULT);
      Connections client =
          Connections.open(ports, server.address(HOST), settings().withTrust(trust));
      String reason = Loopback.await(client.failed);
      Wait.until(() -> server.statistics().failed() == 1); // it is told
      assertThat(server.statistics().opened()).isZero();
      assertThat(client.connection().certificate()).isEqualTo(identity.getCertificate());
      return reason;
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  @Tag("STUN-1250")
  void messagesGoBothWays(Sockets.Engine transport) throws Exception {
    X509Bundle identity = certificates.issue(HOST);
    try (Ports ports = new Ports(transport)) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DtlsPort.Limits.DEFAULT);
      Connections client = Connections.open(ports, server.address(HOST), settings());
      ServerConnection connection = Loopback.await(client.connected);
      assertThat(connection.certificate()).isEqualTo(identity.getCertificate());
      for (int i = 0; i < 5; i++) {
        ByteBuffer head = ByteBuffer.wrap(MESSAGE, 0, 4);
        ByteBuffer rest = ByteBuffer.wrap(MESSAGE, 4, 4);
        assertThat(ports.on(() -> connection.transmit(head, rest))).isTrue();
        assertThat(head.position()).isZero(); // borrowed
        assertThat(server.next()).isEqualTo(connection.path().reversed());
        assertThat(client.next()).isEqualTo(MESSAGE);
      }
      ports.on(() -> {
        connection.close();
        return null;
      });
      Wait.until(() -> server.statistics().sessions() == 0); // the server is told
      assertThat(client.closed).isNotDone();
    }
  }

  @Test
  void serverWithAnRsaKeyServesToo() throws Exception {
    X509Bundle identity = certificates.issue(Certificates.builder(HOST).rsa2048());
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DtlsPort.Limits.DEFAULT);
      Connections client = Connections.open(ports, server.address(HOST), settings());
      assertThat(Loopback.await(client.connected)).isNotNull();
    }
  }

  @Test
  @Tag("STUN-0480")
  void certificateIsJudgedAsThatOfTls() throws Exception {
    assertThat(refusal(certificates.issue("other.example.org"), certificates.trust()))
        .isEqualTo("the certificate is for other.example.org, not for " + HOST);
    assertThat(refusal(certificates.issueExpired(HOST), certificates.trust()))
        .startsWith("the certificate expired on ");
    assertThat(refusal(certificates.issue(HOST), CertificateTrust.system()))
        .isEqualTo("the certificate's issuer is not trusted: CN=Test Authority");
    assertThat(refusal(certificates.issue(HOST), CertificateTrust.pinned(new byte[32])))
        .startsWith("the certificate is not the pinned one");
  }

  @Test
  void pinnedCertificateIsBelieved() throws Exception {
    X509Bundle identity = certificates.issue("other.example.org");
    CertificateTrust pinned =
        CertificateTrust.pinned(CertificateTrust.sha256(identity.getCertificate()));
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DtlsPort.Limits.DEFAULT);
      Connections client =
          Connections.open(ports, server.address(HOST), settings().withTrust(pinned));
      assertThat(Loopback.await(client.connected)).isNotNull();
    }
  }

  @Test
  @Tag("STUN-1260")
  void namesTheProtocolToAServerOfAnotherMaking() throws Exception {
    X509Bundle identity = certificates.issue(HOST);
    try (Ports ports = new Ports(Sockets.automatic());
        DatagramSocket socket = Loopback.socket("127.0.0.1")) {
      RawDtls.Server raw = new RawDtls.Server(identity, ProtocolVersion.DTLSv12);
      CompletableFuture<DTLSTransport> accepted = accepting(socket, raw);
      Connections client = Connections.open(ports, address(socket), settings());
      ServerConnection connection = Loopback.await(client.connected);
      DTLSTransport server = Loopback.await(accepted);
      assertThat(raw.protocol).isEqualTo("stun.turn");
      server.send(MESSAGE, 0, MESSAGE.length);
      assertThat(client.next()).isEqualTo(MESSAGE);
      ports.on(() -> connection.transmit(ByteBuffer.wrap(MESSAGE), NOTHING));
      byte[] came = new byte[100];
      assertThat(server.receive(came, 0, 100, 10_000)).isEqualTo(MESSAGE.length);
      server.close();
      assertThat(Loopback.await(client.closed)).contains("closed the DTLS connection");
    }
  }

  private static CompletableFuture<DTLSTransport> accepting(
      DatagramSocket socket, RawDtls.Server server) {
    CompletableFuture<DTLSTransport> accepted = new CompletableFuture<>();
    Thread thread = new Thread(() -> {
      try {
        accepted.complete(RawDtls.accept(socket, server));
      } catch (IOException e) {
        accepted.completeExceptionally(e);
      }
    });
    thread.setDaemon(true);
    thread.start();
    return accepted;
  }

  private static ServerAddress address(DatagramSocket socket) {
    return new ServerAddress(
        null, TransportAddress.udp("127.0.0.1", socket.getLocalPort()), true, HOST);
  }

  @Test
  @Tag("STUN-0480")
  void dtls10IsRefused() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        DatagramSocket socket = Loopback.socket("127.0.0.1")) {
      Connections client = Connections.open(ports, address(socket), settings());
      SocketAddress asker = Loopback.receive(socket).getSocketAddress();
      byte[] hello = ByteBuffer.allocate(13 + 12 + 38)
          .put(HexFormat.of()
              .parseHex("16feff00000000000000000032" + "020000260000000000000026" + "feff"))
          .position(13 + 12 + 2 + 32 + 1) // the random and no session
          .putShort((short) 0xC02B) // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
          .array();
      socket.send(new DatagramPacket(hello, hello.length, asker));
      DatagramPacket alert = Loopback.receive(socket);
      assertThat(Arrays.copyOf(alert.getData(), alert.getLength()))
          .startsWith(21)
          .endsWith(2, 70); // protocol_version
      assertThat(Loopback.await(client.failed)).contains("protocol_version");
    }
  }

  @Test
  void nobodyListensThere() throws Exception {
    ServerAddress nobody;
    try (DatagramSocket socket = Loopback.socket("127.0.0.1")) {
      nobody = address(socket);
    }
    try (Ports ports = new Ports(Sockets.automatic())) {
      Connections client = Connections.open(ports, nobody, settings());
      assertThat(Loopback.await(client.failed)).contains("nobody listens on that port");
    }
  }

  /** A server that prefers RSA-PSS, as OpenSSL's does, could not be verified by the JDK's providers. */
  @Test
  void signaturesThatCannotBeVerifiedAreNotOffered() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        DatagramSocket server = Loopback.socket("127.0.0.1")) {
      Connections.open(ports, address(server), settings());
      DatagramPacket hello = Loopback.receive(server);
      assertThat(HexFormat.of().formatHex(hello.getData(), 0, hello.getLength()))
          .contains("000d000e000c" + "040305030603" + "040105010601"); // signature_algorithms
    }
  }

  @Test
  void silentServerIsGivenUp() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        DatagramSocket silent = Loopback.socket("127.0.0.1")) {
      ConnectionSettings hasty =
          settings().withTimeouts(Duration.ofSeconds(20), Duration.ofMillis(100));
      Connections client = Connections.open(ports, address(silent), hasty);
      assertThat(Loopback.await(client.failed)).isEqualTo("no DTLS handshake in 0.1 s");
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void plainUdpStandsAtOnceAndTellsOfIcmp(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramSocket server = Loopback.socket("127.0.0.1");
      ServerAddress where = new ServerAddress(
          null, TransportAddress.udp("127.0.0.1", server.getLocalPort()), false, "127.0.0.1");
      BlockingQueue<String> unreachable = new LinkedBlockingQueue<>();
      Connections client = Connections.open(ports, where, settings());
      client.onUnreachable = unreachable::add;
      ServerConnection connection = Loopback.await(client.connected);
      ports.on(() -> connection.transmit(ByteBuffer.wrap(MESSAGE), NOTHING));
      DatagramPacket came = Loopback.receive(server);
      assertThat(came.getPort()).isEqualTo(connection.path().local().port());
      server.send(new DatagramPacket(MESSAGE, MESSAGE.length, came.getSocketAddress()));
      assertThat(client.next()).isEqualTo(MESSAGE);
      server.close();
      ports.on(() -> connection.transmit(ByteBuffer.wrap(MESSAGE), NOTHING));
      assertThat(unreachable.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS))
          .contains("nobody listens on that port");
      assertThat(client.closed).isNotDone();
    }
  }
}
