package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.DropReason;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.InterfaceAddress;
import dev.frazil.ice.Pacer;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.ice.StunServer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.TransactionId;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What goes wrong around a session: it goes on with what is left, and says so. */
class SurroundingsTest {
  private static final InterfaceAddress ONE = Loopback.address("127.0.0.1");
  private static final InterfaceAddress TWO = Loopback.address("127.0.0.2");
  private static final InterfaceAddress NOT_HERE = Loopback.address("198.51.100.77");
  private static final UnaryOperator<IceSessionBuilder> PLAIN = UnaryOperator.identity();

  private NameServer nameServer;
  private IceRuntime runtime;

  @BeforeEach
  void open() throws Exception {
    nameServer = new NameServer((name, ipv6, asked) -> List.of("none"));
    runtime = IceRuntime.builder()
        .pacer(Pacer.unlimited())
        .interfaceInterval(Duration.ofMillis(100))
        .nameServers(nameServer.provider())
        .build();
  }

  @AfterEach
  void close() {
    runtime.close();
    nameServer.close();
  }

  @Test
  void deadStunServersAndUnknownNamesAreToldAndHoldNobodyUp() throws Exception {
    try (DatagramSocket silent = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      List<StunServer> servers = List.of(
          new StunServer("127.0.0.1", silent.getLocalPort()),
          new StunServer("nowhere.example.org", 3478));
      try (Pair pair = new Pair(
              runtime,
              settings -> settings.stunServers(servers).gatheringLimit(Duration.ofSeconds(2)),
              PLAIN)
          .connect()) {
        Loopback.await(pair.left.gathered());
        assertThat(Pair.told(pair.leftEvents, IceEvent.Warning.class, "nowhere.example.org"))
            .isTrue();
        assertThat(Pair.told(
                pair.leftEvents, IceEvent.Warning.class, "127.0.0.1:" + silent.getLocalPort()))
            .isTrue();
        assertThat(pair.left.send(ByteBuffer.allocate(5))).isEqualTo(SendResult.SENT);
      }
    }
  }

  @Test
  @Tag("ICE-0420")
  @Tag("ICE-0440")
  void serverReflexiveCandidateComesFromTheHostCandidatesSocketWhateverOtherServersDo()
      throws Exception {
    TransportAddress seen = TransportAddress.udp("203.0.113.9", 4321);
    List<IceEvent> events = new CopyOnWriteArrayList<>();
    try (Mapper mapper = new Mapper(seen);
        DatagramSocket silent = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0));
        IceSession session = Loopback.session(runtime, Role.CONTROLLING)
            .stunServers(List.of(
                new StunServer("127.0.0.1", silent.getLocalPort()),
                new StunServer("nowhere.example.org", 3478),
                mapper.server()))
            .onEvent(events::add)
            .build()) {
      session.start();
      Wait.until(() -> Pair.told(events, IceEvent.CandidateGathered.class, "203.0.113.9"));
      assertThat(session.gathered()).as("the others are still waited for").isNotDone();

      List<Candidate> found = events.stream()
          .filter(IceEvent.CandidateGathered.class::isInstance)
          .map(event -> ((IceEvent.CandidateGathered) event).candidate())
          .toList();
      assertThat(found)
          .extracting(Candidate::type)
          .containsExactly(CandidateType.HOST, CandidateType.SERVER_REFLEXIVE);
      assertThat(found.get(1).address()).isEqualTo(seen);
      assertThat(found.get(1).related()).isEqualTo(found.get(0).address());
      assertThat(mapper.clients).containsOnly(found.get(0).address());
    }
  }

  @Test
  void addressThatCannotBeBoundIsToldAndPassedOver() throws Exception {
    try (Pair pair = new Pair(
            runtime, settings -> settings.interfaces(() -> List.of(NOT_HERE, ONE)), PLAIN)
        .connect()) {
      assertThat(Pair.told(pair.leftEvents, IceEvent.Warning.class, "198.51.100.77"))
          .isTrue();
      assertThat(Loopback.await(pair.left.gathered())).hasSize(1);
    }
  }

  @Test
  void usedUpPortRangeIsTold() throws Exception {
    int free = DatagramPortTest.freePorts(1);
    List<IceEvent> events = new CopyOnWriteArrayList<>();
    try (DatagramSocket taken = new DatagramSocket(free, InetAddress.getByName("127.0.0.1"));
        IceSession session = Loopback.session(runtime, Role.CONTROLLING)
            .interfaces(() -> List.of(ONE, TWO))
            .portRange(taken.getLocalPort(), taken.getLocalPort())
            .onEvent(events::add)
            .build()) {
      session.start();
      assertThat(Loopback.await(session.gathered()))
          .extracting(candidate -> candidate.address().ip())
          .containsExactly(TWO.address());
      assertThat(Pair.told(events, IceEvent.Warning.class, "127.0.0.1/8: ")).isTrue();
    }
  }

  @Test
  void hostileDatagramsAreDroppedAndCountedByReason() throws Exception {
    try (Pair pair = new Pair(runtime, PLAIN).connect();
        DatagramSocket stranger = new DatagramSocket(new InetSocketAddress("127.0.0.3", 0))) {
      FiveTuple path = pair.left.path(0, 1);
      assertThat(path).isNotNull();
      InetSocketAddress target = SocketAddresses.toSocketAddress(path.local(), 0);
      ByteBuffer check = StunBuilder.request(
              Method.BINDING, TransactionId.random(new Random(1)), ByteBuffer.allocate(200))
          .put(AttributeType.USERNAME, pair.left.localParameters(0).ufrag() + ":xxxx")
          .put(AttributeType.PRIORITY, 1)
          .integrity(IntegrityKey.shortTerm("a password that is wrong"))
          .fingerprint()
          .finish();
      byte[] forged = new byte[check.remaining()];
      check.get(forged);
      byte[] answer = forged.clone();
      answer[0] = 1; // success: answers nothing that was asked
      for (byte[] datagram : List.of(new byte[] {1, 2, 3}, forged, answer, new byte[3000])) {
        stranger.send(new DatagramPacket(datagram, datagram.length, target));
      }
      Wait.until(() -> pair.left.dropped().tooLong() == 1);
      assertThat(Loopback.await(pair.left.statistics()).dropped())
          .containsEntry(DropReason.UNKNOWN_SENDER, 2L) // the answer's FINGERPRINT is wrong: data
          .containsEntry(DropReason.UNAUTHENTICATED, 1L);
      assertThat(pair.left.send(ByteBuffer.allocate(5))).isEqualTo(SendResult.SENT);
      assertThat(pair.right.receive(
              ByteBuffer.allocate(9), Duration.ofSeconds(Loopback.LIMIT_SECONDS)))
          .isEqualTo(5);
    }
  }

  @Test
  void hostWithoutAnyAddressStillEndsGathering() throws Exception {
    try (IceSession session =
        Loopback.session(runtime, Role.CONTROLLING).interfaces(List::of).build()) {
      session.start();
      assertThat(Loopback.await(session.gathered())).isEmpty();
    }
  }

  @Test
  void interfacesAreFilteredByNameAddressAndFamily() throws Exception {
    InterfaceAddress other = new InterfaceAddress(
        "tun0", IpAddress.parse("127.0.0.3"), 8, InterfaceAddress.Flags.LOOPBACK);
    InterfaceAddress six =
        new InterfaceAddress("lo", IpAddress.parse("::1"), 128, InterfaceAddress.Flags.LOOPBACK);
    try (IceSession session = Loopback.session(runtime, Role.CONTROLLING)
        .interfaces(() -> List.of(ONE, TWO, other, six))
        .interfaceFilter(address -> address.name().equals("lo")
            && address.address().isIpv4()
            && !address.address().equals(TWO.address()))
        .build()) {
      session.start();
      assertThat(Loopback.await(session.gathered()))
          .extracting(candidate -> candidate.address().ip())
          .containsExactly(ONE.address());
    }
  }

  @Test
  @Tag("ICE-0280")
  void vanishedAddressIsDroppedAndARestartMovesToAnother() throws Exception {
    List<InterfaceAddress> present = new CopyOnWriteArrayList<>(List.of(ONE, TWO));
    try (Pair pair = new Pair(
            runtime, settings -> settings.interfaces(() -> List.copyOf(present)), PLAIN)
        .connect()) {
      FiveTuple before = pair.left.path(0, 1);
      assertThat(before).isNotNull();

      present.removeIf(address -> address.address().equals(before.local().ip()));

      Wait.until(() -> pair.left.path(0, 1) == null);
      assertThat(Pair.told(pair.leftEvents, IceEvent.Warning.class, "vanished")).isTrue();
      assertThat(pair.left.send(ByteBuffer.allocate(5))).isEqualTo(SendResult.NO_PATH);

      pair.left.restart(0);

      Wait.until(() -> {
        FiveTuple now = pair.left.path(0, 1);
        return now != null && !now.local().ip().equals(before.local().ip());
      });
      assertThat(pair.left.send(ByteBuffer.allocate(5))).isEqualTo(SendResult.SENT);
      assertThat(pair.right.receive(
              ByteBuffer.allocate(9), Duration.ofSeconds(Loopback.LIMIT_SECONDS)))
          .isEqualTo(5);
    }
  }

  @Test
  @Tag("ICE-0280")
  void newAddressIsGatheredOnAtTheNextRestart() throws Exception {
    List<InterfaceAddress> present = new CopyOnWriteArrayList<>(List.of(ONE));
    try (Pair pair = new Pair(
            runtime, settings -> settings.interfaces(() -> List.copyOf(present)), PLAIN)
        .connect()) {
      present.add(TWO);
      Wait.until(() -> Pair.told(pair.leftEvents, IceEvent.RestartAdvised.class, ""));

      pair.left.restart(0);
      Wait.until(() -> Pair.told(pair.leftEvents, IceEvent.CandidateGathered.class, "127.0.0.2"));
    }
  }

  @Test
  void manySessionsNeedFewThreads() throws Exception {
    Wait.until(() -> Threads.named("frazil").isEmpty());
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      pairs.add(new Pair(
          runtime,
          settings -> settings.stunServers(List.of(new StunServer("nowhere.example.org", 3478))),
          PLAIN));
    }
    for (Pair pair : pairs) {
      pair.connect();
    }
    assertThat(Threads.named("frazil")).hasSizeBetween(1, 4);
    for (Pair pair : pairs) {
      pair.close();
    }
  }
}
