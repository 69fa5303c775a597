package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.client.ServerConnection;
import dev.frazil.netty.io.DtlsPort;
import dev.frazil.netty.io.Sockets;
import io.netty.pkitesting.X509Bundle;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bouncycastle.tls.DTLSTransport;
import org.bouncycastle.tls.ProtocolVersion;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The server's side. */
class DtlsPortTest {
  private static final String HOST = "turn.example.org";
  private static final byte[] MESSAGE = {0x40, 1, 0, 4, 1, 2, 3, 4};
  private static final DtlsPort.Limits DEFAULT = DtlsPort.Limits.DEFAULT;
  private static Certificates certificates;
  private static X509Bundle identity;

  @BeforeAll
  static void makeAuthority() throws Exception {
    certificates = new Certificates();
    identity = certificates.issue(HOST);
  }

  private static DatagramSocket socketTo(DtlsPorts server) throws Exception {
    DatagramSocket socket = Loopback.socket("127.0.0.1");
    socket.connect(server.socketAddress());
    return socket;
  }

  private static byte[] ask(DatagramSocket socket, byte[] datagram) throws Exception {
    socket.send(new DatagramPacket(datagram, datagram.length));
    DatagramPacket answer = Loopback.receive(socket);
    return Arrays.copyOf(answer.getData(), answer.getLength());
  }

  private static void assertEchoes(DTLSTransport client) throws Exception {
    client.send(MESSAGE, 0, MESSAGE.length);
    byte[] came = new byte[100];
    assertThat(client.receive(came, 0, 100, 20_000)).isEqualTo(MESSAGE.length);
  }

  /** A hello of which nobody has seen the sender. */
  @Test
  void strangersCostNothing() throws Exception {
    byte[] hello = RawDtls.firstFlight();
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DEFAULT);
      for (int i = 0; i < 50; i++) {
        try (DatagramSocket stranger = socketTo(server)) {
          byte[] answer = ask(stranger, hello);
          assertThat(answer[13]).isEqualTo((byte) 3); // HelloVerifyRequest
          assertThat(answer.length).isLessThan(hello.length); // no amplification
        }
      }
      assertThat(server.statistics()).isEqualTo(new DtlsPort.Statistics(0, 0, 0, 0, 0));
    }
  }

  @Test
  void cookieIsGoodForItsOwnAddressOnly() throws Exception {
    byte[] hello = RawDtls.firstFlight();
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DEFAULT);
      try (DatagramSocket one = socketTo(server);
          DatagramSocket other = socketTo(server)) {
        byte[] second = RawDtls.withCookie(hello, ask(one, hello));
        assertThat(ask(other, second)[13]).isEqualTo((byte) 3); // asked for its own
        assertThat(server.statistics().handshakes()).isZero();
        assertThat(ask(one, second)[13]).isEqualTo((byte) 2); // ServerHello
        assertThat(server.statistics().handshakes()).isEqualTo(1);
      }
    }
  }

  @Test
  void handshakesAreBoundedAndTimedOut() throws Exception {
    byte[] hello = RawDtls.firstFlight();
    DtlsPort.Limits few =
        new DtlsPort.Limits(100, 100, 2, Duration.ofMillis(300), Duration.ofMinutes(1));
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, few);
      List<DatagramSocket> half = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        DatagramSocket socket = socketTo(server);
        half.add(socket);
        byte[] second = RawDtls.withCookie(hello, ask(socket, hello));
        socket.send(new DatagramPacket(second, second.length));
      }
      Wait.until(() -> server.statistics().refused() == 1);
      Wait.until(() -> server.statistics().failed() == 2);
      assertThat(server.statistics()).isEqualTo(new DtlsPort.Statistics(0, 0, 0, 2, 1));
      try (DatagramSocket honest = socketTo(server)) {
        assertEchoes(RawDtls.connect(honest, ProtocolVersion.DTLSv12, "stun.turn"));
      }
      half.forEach(DatagramSocket::close);
    }
  }

  @Test
  void sessionsAreBounded() throws Exception {
    DtlsPort.Limits one =
        new DtlsPort.Limits(1, 10, 10, Duration.ofSeconds(20), Duration.ofMinutes(1));
    byte[] hello = RawDtls.firstFlight();
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, one);
      try (DatagramSocket first = socketTo(server);
          DatagramSocket late = socketTo(server)) {
        DTLSTransport client = RawDtls.connect(first, ProtocolVersion.DTLSv12, "stun.turn");
        byte[] second = RawDtls.withCookie(hello, ask(late, hello));
        late.send(new DatagramPacket(second, second.length));
        Wait.until(() -> server.statistics().refused() == 1);
        assertEchoes(client);
      }
    }
  }

  /** A client that vanished, and another behind the same NAT gets its port. */
  @Test
  void newClientOnAUsedPortIsServed() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DEFAULT);
      DatagramSocket socket = socketTo(server);
      DTLSTransport former = RawDtls.connect(socket, ProtocolVersion.DTLSv12, "stun.turn");
      assertEchoes(former);
      InetSocketAddress local = (InetSocketAddress) socket.getLocalSocketAddress();
      socket.close(); // without a word
      try (DatagramSocket again = new DatagramSocket(local)) {
        again.connect(server.socketAddress());
        assertEchoes(RawDtls.connect(again, ProtocolVersion.DTLSv12, "stun.turn"));
      }
      assertThat(server.statistics().opened()).isEqualTo(2);
      assertThat(server.statistics().sessions()).isEqualTo(1);
    }
  }

  /** RFC 6347 4.1.2.7: anybody can send records in the name of a client. */
  @Test
  void forgedRecordsDoNotEndASession() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DEFAULT);
      try (DatagramSocket socket = socketTo(server)) {
        DTLSTransport client = RawDtls.connect(socket, ProtocolVersion.DTLSv12, "stun.turn");
        assertEchoes(client);
        for (int type = 20; type < 25; type++) {
          for (int length : new int[] {0, 1, 2, 7, 8, 16, 23, 24, 25, 40, 300}) {
            byte[] record = new byte[13 + length];
            Arrays.fill(record, (byte) 0x5A);
            record[0] = (byte) type;
            record[1] = (byte) 0xFE;
            record[2] = (byte) 0xFD;
            record[3] = 0;
            record[4] = 1; // the epoch
            record[11] = (byte) (length >> 8);
            record[12] = (byte) length;
            socket.send(new DatagramPacket(record, record.length));
            record[4] = 0; // before encryption, as if the handshake went on
            socket.send(new DatagramPacket(record, record.length));
          }
        }
        byte[] cut = {23, (byte) 0xFE, (byte) 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 1, 0, 5};
        socket.send(new DatagramPacket(cut, cut.length));
        assertEchoes(client);
        assertThat(server.statistics().sessions()).isEqualTo(1);
      }
    }
  }

  @Test
  void silentSessionEnds() throws Exception {
    DtlsPort.Limits hasty =
        new DtlsPort.Limits(10, 10, 10, Duration.ofSeconds(20), Duration.ofMillis(100));
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, hasty);
      Connections client = Connections.open(
          ports, server.address(HOST), ConnectionSettings.DEFAULT.withTrust(certificates.trust()));
      Loopback.await(client.connected);
      assertThat(Loopback.await(client.closed)).contains("closed the DTLS connection");
      assertThat(server.statistics().sessions()).isZero();
    }
  }

  @Test
  void newCertificateTakesEffectForNewHandshakes() throws Exception {
    ConnectionSettings settings = ConnectionSettings.DEFAULT.withTrust(certificates.trust());
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DEFAULT);
      Connections before = Connections.open(ports, server.address(HOST), settings);
      ServerConnection first = Loopback.await(before.connected);
      X509Bundle newer = certificates.issue(HOST);
      server.identity = DtlsPorts.identity(newer);
      Connections after = Connections.open(ports, server.address(HOST), settings);
      assertThat(Loopback.await(after.connected).certificate()).isEqualTo(newer.getCertificate());
      ports.on(() -> first.transmit(ByteBuffer.wrap(MESSAGE), ByteBuffer.allocate(0)));
      assertThat(before.next()).isEqualTo(MESSAGE);
    }
  }

  @Test
  @Tag("STUN-1260")
  void clientOfAnotherProtocolIsRefused() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DEFAULT);
      try (DatagramSocket socket = socketTo(server)) {
        assertThatThrownBy(() -> RawDtls.connect(socket, ProtocolVersion.DTLSv12, "http/1.1"))
            .hasMessageContaining("no_application_protocol");
      }
      try (DatagramSocket socket = socketTo(server)) {
        assertEchoes(RawDtls.connect(socket, ProtocolVersion.DTLSv12, "stun.nat-discovery"));
      }
    }
  }

  @Test
  @Tag("STUN-0480")
  void dtls10IsRefused() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DEFAULT);
      try (DatagramSocket socket = socketTo(server)) {
        assertThatThrownBy(() -> RawDtls.connect(socket, ProtocolVersion.DTLSv10, "stun.turn"))
            .hasMessageContaining("protocol_version");
      }
    }
  }

  @Test
  void closingTellsTheClients() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic())) {
      DtlsPorts server = DtlsPorts.open(ports, identity, DEFAULT);
      Connections client = Connections.open(
          ports, server.address(HOST), ConnectionSettings.DEFAULT.withTrust(certificates.trust()));
      Loopback.await(client.connected);
      ports.on(() -> {
        server.port().close();
        return null;
      });
      assertThat(Loopback.await(client.closed)).contains("closed the DTLS connection");
    }
  }
}
