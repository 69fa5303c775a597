package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.netty.io.Sockets;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.uring.IoUring;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DatagramPortTest {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final SocketSettings PLAIN = SocketSettings.DEFAULT;

  static Stream<Sockets.Engine> transports() {
    return Stream.of(
            Sockets.automatic().engine() == Sockets.Engine.LINUX ? Sockets.Engine.LINUX : null,
            Epoll.isAvailable() ? Sockets.Engine.EPOLL : null,
            IoUring.isAvailable() ? Sockets.Engine.IO_URING : null,
            Sockets.Engine.NIO)
        .filter(transport -> transport != null);
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String text(Ports.Received received) {
    return new String(received.datagram(), StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @MethodSource("transports")
  void datagramOfTwoPartsArrivesAsOne(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN);
      ByteBuffer header = bytes("-head").position(1);
      ByteBuffer payload = bytes("-payload-").position(1).limit(8);

      assertThat(ports.on(() -> from.transmit(to.local(), header, payload))).isTrue();

      Ports.Received received = ports.next();
      assertThat(text(received)).isEqualTo("headpayload");
      assertThat(received.path()).isEqualTo(new FiveTuple(to.local(), from.local()));
      assertThat(header.position()).isEqualTo(1); // borrowed
      assertThat(payload.position()).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void manyDatagramsOfOneTurnArriveInOrder(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN);
      List<String> sent = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        sent.add("datagram " + i);
      }

      ports.on(() -> {
        ports.driver.beginTurn();
        sent.forEach(text -> from.transmit(to.local(), bytes(text), NOTHING));
        ports.driver.endTurn();
        return null;
      });

      List<String> came = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        came.add(text(ports.next()));
      }
      assertThat(came).isEqualTo(sent);
    }
  }

  /** The Linux engine sends them as few messages, and the kernel hands them over joined. */
  @ParameterizedTest
  @MethodSource("transports")
  void datagramsThatTravelJoinedArriveOneByOne(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN.withReceiveBuffer(1 << 20));
      List<String> sent = new ArrayList<>();
      for (int length : new int[] {1000, 1000, 1000, 700, 20, 20, 20, 20, 1, 1200, 1200}) {
        sent.add(Character.toString('a' + sent.size()).repeat(length));
      }

      ports.on(() -> {
        ports.driver.beginTurn();
        sent.forEach(text -> from.transmit(to.local(), bytes(text), NOTHING));
        ports.driver.endTurn();
        return null;
      });

      for (String text : sent) {
        Ports.Received received = ports.next();
        assertThat(text(received)).isEqualTo(text);
        assertThat(received.path()).isEqualTo(new FiveTuple(to.local(), from.local()));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void whatOneHandlerDoesToItsBufferIsNotSeenByTheNext(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN);
      for (String sent : List.of("one", "longer than that", "x")) {
        ports.on(() -> from.transmit(to.local(), bytes(sent), NOTHING));

        Ports.Received received = ports.next();

        assertThat(text(received)).isEqualTo(sent);
        assertThat(received.order()).isEqualTo(ByteOrder.BIG_ENDIAN);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void whatMustNotBeFragmentedLeavesAtOnceBehindWhatWaits(Sockets.Engine transport)
      throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN);
      boolean sent = ports.on(() -> {
        ports.driver.beginTurn();
        from.transmit(to.local(), bytes("first"), NOTHING);
        boolean unfragmented = from.transmitUnfragmented(to.local(), bytes("second"));
        from.transmit(to.local(), bytes("third"), NOTHING);
        ports.driver.endTurn();
        return unfragmented;
      });

      assertThat(sent).isEqualTo(ports.driver.sockets().setsDontFragment());
      assertThat(text(ports.next())).isEqualTo("first");
      if (sent) {
        assertThat(text(ports.next())).isEqualTo("second");
      }
      assertThat(text(ports.next())).isEqualTo("third");
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void longDatagramsComeInBesideShortOnes(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort usual = ports.bind("127.0.0.1", PLAIN);
      DatagramPort large = ports.bind("127.0.0.1", PLAIN.withMaxDatagram(DatagramPort.LONGEST));
      String lengthy = "L".repeat(40_000);
      for (int i = 0; i < 10; i++) {
        ports.on(() -> {
          ports.driver.beginTurn();
          from.transmit(large.local(), bytes(lengthy), NOTHING);
          from.transmit(usual.local(), bytes("short"), NOTHING);
          ports.driver.endTurn();
          return null;
        });

        assertThat(List.of(text(ports.next()), text(ports.next())))
            .containsExactlyInAnyOrder(lengthy, "short");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void eachPeerIsToldApart(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort one = ports.bind("127.0.0.1", PLAIN);
      DatagramPort two = ports.bind("127.0.0.2", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN);
      for (DatagramPort from : List.of(one, two, one)) {
        ports.on(() -> from.transmit(to.local(), bytes("x"), NOTHING));
        assertThat(ports.next().path().remote()).isEqualTo(from.local());
      }
      for (DatagramPort back : List.of(one, two, one)) {
        ports.on(() -> to.transmit(back.local(), bytes("y"), NOTHING));
        assertThat(ports.next().path()).isEqualTo(new FiveTuple(back.local(), to.local()));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void datagramLongerThanTheLongestIsNotTakenForAShorterOne(Sockets.Engine transport)
      throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN.withMaxDatagram(600));
      ports.on(() -> from.transmit(to.local(), ByteBuffer.allocate(601), NOTHING));
      ports.on(() -> from.transmit(to.local(), ByteBuffer.allocate(600), NOTHING));

      assertThat(ports.next().datagram()).hasSize(600);
      assertThat(ports.tooLong).containsExactly(new FiveTuple(to.local(), from.local()));
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void longDatagramsPassWhereTheyAreAskedFor(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      SocketSettings settings =
          PLAIN.withMaxDatagram(65_507).withReceiveBuffer(200_000).withSendBuffer(200_000);
      DatagramPort from = ports.bind("127.0.0.1", settings);
      DatagramPort to = ports.bind("127.0.0.1", settings);
      ports.on(() -> from.transmit(to.local(), ByteBuffer.allocate(65_507), NOTHING));

      assertThat(ports.next().datagram()).hasSize(65_507);
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void receiveBufferHoldsAsMuchAsWasAskedFor(Sockets.Engine transport) throws Exception {
    int small = waitingInTheKernel(transport, PLAIN.withReceiveBuffer(10_000));
    int large = waitingInTheKernel(transport, PLAIN.withReceiveBuffer(100_000));
    assertThat(small).isBetween(1, 40);
    assertThat(large).isGreaterThan(2 * small);
  }

  /** How many of 200 datagrams of 1000 bytes a port gets that come while its event loop is busy. */
  private static int waitingInTheKernel(Sockets.Engine transport, SocketSettings settings)
      throws Exception {
    try (Ports ports = new Ports(transport);
        DatagramSocket sender = new DatagramSocket()) {
      DatagramPort to = ports.bind("127.0.0.1", settings);
      InetSocketAddress address = SocketAddresses.toSocketAddress(to.local(), 0);
      ports.on(() -> {
        for (int i = 0; i < 200; i++) {
          sender.send(new DatagramPacket(new byte[1000], 1000, address));
        }
        return null;
      });
      ports.on(() -> null);
      sender.send(new DatagramPacket(new byte[] {1}, 1, address));
      int came = 0;
      while (ports.next().datagram().length > 1) {
        came++;
      }
      return came;
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void sendBufferIsAsLongAsWasAskedFor(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      for (int size : new int[] {10_000, 100_000}) { // Linux tells twice as much
        DatagramPort port = ports.bind("127.0.0.1", PLAIN.withSendBuffer(size));
        int told = ports.on(port::sendBuffer);
        assertThat(told).isBetween(size, 2 * size);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void ipv6WorksToo(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("::1", PLAIN);
      DatagramPort to = ports.bind("::1", PLAIN);
      ports.on(() -> from.transmit(to.local(), bytes("six"), NOTHING));

      Ports.Received received = ports.next();
      assertThat(text(received)).isEqualTo("six");
      assertThat(received.path()).isEqualTo(new FiveTuple(to.local(), from.local()));
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void portsComeFromTheRange(Sockets.Engine transport) throws Exception {
    int free = freePorts(5);
    SocketSettings settings = PLAIN.withPorts(new PortRange(free, free + 4));
    try (Ports ports = new Ports(transport)) {
      Set<Integer> bound = new HashSet<>();
      for (int i = 0; i < 5; i++) {
        bound.add(ports.bind("127.0.0.1", settings, new Random(i)).local().port());
      }
      assertThat(bound).containsExactlyInAnyOrder(free, free + 1, free + 2, free + 3, free + 4);
    }
  }

  @Test
  void searchStartsAnywhereInTheRange() throws Exception {
    int free = freePorts(5);
    SocketSettings settings = PLAIN.withPorts(new PortRange(free, free + 4));
    try (Ports ports = new Ports(Sockets.automatic())) {
      Set<Integer> first = new HashSet<>();
      for (int i = 0; i < 50; i++) {
        DatagramPort port = ports.bind("127.0.0.1", settings, new Random(i));
        first.add(port.local().port());
        ports
            .on(() -> {
              port.close();
              return port.closed();
            })
            .sync();
      }
      assertThat(first).hasSize(5);
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void portInUseIsPassedOver(Sockets.Engine transport) throws Exception {
    int free = freePorts(2);
    SocketSettings settings = PLAIN.withPorts(new PortRange(free, free + 1));
    try (Ports ports = new Ports(transport);
        DatagramSocket taken = new DatagramSocket(new InetSocketAddress("127.0.0.1", free))) {
      assertThat(taken.isBound()).isTrue();
      Random startsAtTheFirst = new Random(-1);
      assertThat(new Random(-1).nextInt(2)).isZero();

      DatagramPort port = ports.bind("127.0.0.1", settings, startsAtTheFirst);

      assertThat(port.local().port()).isEqualTo(free + 1);
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void fullRangeIsSaidAndLeavesNoDescriptor(Sockets.Engine transport) throws Exception {
    int free = freePorts(3);
    SocketSettings settings = PLAIN.withPorts(new PortRange(free, free + 2));
    try (Ports ports = new Ports(transport)) {
      for (int i = 0; i < 3; i++) {
        ports.bind("127.0.0.1", settings);
      }
      List<String> before = Descriptors.sockets();

      assertThatThrownBy(() -> ports.bind("127.0.0.1", settings))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("no port of " + free + "-" + (free + 2));
      Wait.until(() -> before.containsAll(Descriptors.sockets()));
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void addressThatIsNotHereFailsAtOnceAndLeavesNoDescriptor(Sockets.Engine transport)
      throws Exception {
    try (Ports ports = new Ports(transport)) {
      ports.on(() -> null);
      List<String> before = Descriptors.sockets();
      SocketSettings settings = PLAIN.withPorts(new PortRange(20_000, 60_000));

      assertThatThrownBy(() -> ports.bind("198.51.100.77", settings))
          .isInstanceOf(AssertionError.class)
          .hasMessageNotContaining("no port of");
      Wait.until(() -> before.containsAll(Descriptors.sockets()));
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void closedPortSendsNothing(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN);
      boolean sent = ports.on(() -> {
        from.close();
        from.close();
        return from.transmit(to.local(), bytes("late"), NOTHING);
      });
      assertThat(sent).isFalse();
      ByteBuf takenOver = Unpooled.directBuffer(4).writeInt(1);
      assertThat(ports.on(() -> from.transmit(to.local(), takenOver))).isFalse();
      assertThat(takenOver.refCnt()).isZero();
      assertThat(ports.broken).isEmpty();
    }
  }

  @ParameterizedTest
  @MethodSource("transports")
  void whatCannotBeSentHarmsNothing(Sockets.Engine transport) throws Exception {
    try (Ports ports = new Ports(transport)) {
      DatagramPort from = ports.bind("127.0.0.1", PLAIN);
      DatagramPort to = ports.bind("127.0.0.1", PLAIN);
      ports.on(() ->
          from.transmit(TransportAddress.udp("255.255.255.255", 9), bytes("forbidden"), NOTHING));
      ByteBuffer tooLong = ByteBuffer.allocate(65_508);
      assertThat(ports.on(() -> from.transmit(to.local(), tooLong, NOTHING))).isFalse();
      ports.on(() -> from.transmit(to.local(), bytes("still here"), NOTHING));

      assertThat(text(ports.next())).isEqualTo("still here");
      assertThat(ports.broken).isEmpty();
    }
  }

  /** The first of some ports in a row that are free on 127.0.0.1. */
  static int freePorts(int count) throws Exception {
    for (int first = 40_000; first < 60_000; first += count) {
      List<DatagramSocket> sockets = new ArrayList<>();
      try {
        for (int i = 0; i < count; i++) {
          sockets.add(new DatagramSocket(first + i, InetAddress.getByName("127.0.0.1")));
        }
        return first;
      } catch (java.net.SocketException taken) {
        continue;
      } finally {
        sockets.forEach(DatagramSocket::close);
      }
    }
    throw new AssertionError("no " + count + " free ports in a row");
  }
}
