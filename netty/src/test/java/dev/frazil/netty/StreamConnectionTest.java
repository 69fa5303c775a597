package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.client.ServerAddress;
import dev.frazil.netty.client.ServerConnection;
import dev.frazil.netty.io.Sockets;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.TransactionId;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StreamConnectionTest {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final ConnectionSettings PLAIN = ConnectionSettings.DEFAULT;

  private final Random random = new Random(1);

  private byte[] request() {
    ByteBuffer bytes = StunBuilder.request(
            Method.BINDING, TransactionId.random(random), ByteBuffer.allocate(200))
        .finish();
    return Arrays.copyOfRange(bytes.array(), 0, bytes.remaining());
  }

  /** ChannelData of so many bytes, padded. */
  private static byte[] channelData(int length) {
    byte[] frame = new byte[4 + (length + 3 & ~3)];
    ByteBuffer.wrap(frame).putShort((short) 0x4001).putShort((short) length);
    return frame;
  }

  private static List<Sockets.Engine> transports() {
    return DatagramPortTest.transports().toList();
  }

  @ParameterizedTest
  @MethodSource("transports")
  void messagesGoBothWaysWhole(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport);
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(), PLAIN);
      server.accept();
      ServerConnection connection = Loopback.await(client.connected);
      assertThat(connection.path().remote()).isEqualTo(server.address().server());
      assertThat(connection.path().local().port()).isEqualTo(server.client.getPort());
      assertThat(connection.path().local().transport()).isEqualTo(Transport.TCP);

      byte[] request = request();
      ByteBuffer head = ByteBuffer.wrap(request, 0, 8);
      ByteBuffer rest = ByteBuffer.wrap(request, 8, request.length - 8);
      assertThat(ports.on(() -> connection.transmit(head, rest))).isTrue();
      assertThat(server.read(request.length)).isEqualTo(request);
      assertThat(head.position()).isZero(); // borrowed
      assertThat(rest.position()).isEqualTo(8);

      server.out().write(request);
      assertThat(client.next()).isEqualTo(request);
    }
  }

  @Test
  @Tag("STUN-0450")
  void messagesAreCutOutOfTheStreamHoweverItComes() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(), PLAIN);
      server.accept();
      byte[] one = request();
      byte[] two = channelData(5);
      byte[] three = request();
      for (byte b : one) {
        server.out().write(b);
      }
      assertThat(client.next()).isEqualTo(one);
      ByteBuffer together = ByteBuffer.allocate(one.length + two.length + three.length);
      server.out().write(together.put(one).put(two).put(three).array());
      assertThat(client.next()).isEqualTo(one);
      assertThat(client.next()).isEqualTo(Arrays.copyOf(two, 9)); // without its padding
      assertThat(client.next()).isEqualTo(three);
    }
  }

  @Test
  @Tag("STUN-0450")
  void streamThatIsOutOfStepIsClosed() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(), PLAIN);
      server.accept();
      server.out().write(new byte[] {21, 3, 3, 0, 2, 2, 40, 0}); // a TLS alert
      assertThat(Loopback.await(client.closed)).contains("neither STUN nor ChannelData");
      assertThat(server.client.getInputStream().read()).isEqualTo(-1);
    }
  }

  /** RFC 6062 4.3: what the peer sent may come in one segment with the answer to ConnectionBind. */
  @Test
  void noByteIsLostWhenTheStreamCarriesBytesFromThereOn() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(), PLAIN);
      server.accept();
      Loopback.await(client.connected);
      BlockingQueue<String> bytes = new LinkedBlockingQueue<>();
      ports.on(() -> {
        client.onMessage = connection -> connection.carryBytes(new ServerConnection.ByteOwner() {
          @Override
          public void handleBytes(ByteBuffer came) {
            byte[] copy = new byte[came.remaining()];
            came.get(copy);
            bytes.add(new String(copy));
          }

          @Override
          public void handleWritable() {}
        });
        return null;
      });
      byte[] answer = request();
      server
          .out()
          .write(ByteBuffer.allocate(answer.length + 5)
              .put(answer)
              .put("hello".getBytes())
              .array());
      assertThat(bytes.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS)).isEqualTo("hello");
      server.out().write("GET /".getBytes());
      assertThat(bytes.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS)).isEqualTo("GET /");
      assertThat(client.closed).isNotDone();
    }
  }

  @Test
  void nobodyListensThere() throws Exception {
    int port;
    try (StreamServer server = new StreamServer()) {
      port = server.listening.getLocalPort();
    }
    try (Ports ports = new Ports(Sockets.automatic())) {
      Connections client = Connections.open(ports, StreamServer.at(port), PLAIN);
      assertThat(Loopback.await(client.failed)).contains("nobody listens on that port");
    }
  }

  @Test
  void serverThatDoesNotAnswerIsGivenUp() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        ServerSocket full = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      List<Socket> others = new ArrayList<>();
      for (int i = 0; i < 2; i++) { // the backlog: a third one gets no answer
        others.add(new Socket(full.getInetAddress(), full.getLocalPort()));
      }
      ConnectionSettings hasty = PLAIN.withTimeouts(Duration.ofMillis(200), Duration.ofMillis(200));
      Connections client = Connections.open(ports, StreamServer.at(full.getLocalPort()), hasty);
      assertThat(Loopback.await(client.failed)).isEqualTo("no answer in 0.2 s");
      for (Socket other : others) {
        other.close();
      }
    }
  }

  @Test
  void serverThatClosesIsTold() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(), PLAIN);
      server.accept();
      ServerConnection connection = Loopback.await(client.connected);
      server.client.close();
      assertThat(Loopback.await(client.closed)).contains("closed the connection");
      assertThat(ports.on(() -> connection.transmit(NOTHING, NOTHING))).isFalse();
    }
  }

  @Test
  void ownerThatClosesHearsNoMore() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(), PLAIN);
      server.accept();
      ServerConnection connection = Loopback.await(client.connected);
      byte[] last = request();
      ports.on(() -> {
        connection.transmit(ByteBuffer.wrap(last), NOTHING);
        connection.close();
        connection.close();
        return null;
      });
      assertThat(server.read(last.length)).isEqualTo(last); // what was written is sent
      assertThat(server.client.getInputStream().read()).isEqualTo(-1);
      assertThat(client.closed).isNotDone();
    }
  }

  @Test
  void connectionThatIsClosedBeforeItStandsIsNeverHeardOf() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = new Connections();
      ports.on(() -> {
        ServerConnection.open(ports.driver, server.address(), PLAIN, client).close();
        return null;
      });
      ports.on(() -> null); // a turn later
      assertThat(client.connected).isNotDone();
      assertThat(client.failed).isNotDone();
    }
  }

  /** As a full socket of UDP does: data is dropped, while a request would be missed for long. */
  @Test
  @Tag("TURN-2240")
  void slowServerLosesDataAndNoRequest() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      Connections client = Connections.open(ports, server.address(), PLAIN);
      server.accept();
      ServerConnection connection = Loopback.await(client.connected);
      byte[] data = channelData(1200);
      byte[] request = request();
      int sent = ports.on(() -> {
        int count = 0;
        while (connection.transmit(ByteBuffer.wrap(data), NOTHING)) {
          count++;
        }
        assertThat(connection.transmit(ByteBuffer.wrap(request), NOTHING)).isTrue();
        return count;
      });
      server.read(sent * data.length);
      assertThat(server.read(request.length)).isEqualTo(request);
      Wait.until(() -> ports.on(() -> connection.transmit(ByteBuffer.wrap(data), NOTHING)));
    }
  }

  @Test
  void connectsFromTheAddressThatIsNamed() throws Exception {
    try (Ports ports = new Ports(Sockets.automatic());
        StreamServer server = new StreamServer()) {
      ServerAddress where = new ServerAddress(
          IpAddress.parse("127.0.0.2"), server.address().server(), false, "127.0.0.1");
      Connections client = Connections.open(ports, where, PLAIN);
      server.accept();
      assertThat(Loopback.await(client.connected).path().local().ip())
          .isEqualTo(IpAddress.parse("127.0.0.2"));
      assertThat(server.client.getInetAddress().getHostAddress()).isEqualTo("127.0.0.2");
    }
  }

  @Test
  void addressesOfTwoFamiliesAreRefused() {
    assertThatThrownBy(() ->
            new ServerAddress(IpAddress.parse("::1"), StreamServer.at(3478).server(), false, "x"))
        .hasMessageContaining("same family");
  }
}
