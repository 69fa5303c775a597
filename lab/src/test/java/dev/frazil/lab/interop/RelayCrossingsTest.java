package dev.frazil.lab.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Where real NATs and firewalls leave no direct path, a relay connects: Frazil's own and coturn. */
@Tag("interop")
@Execution(ExecutionMode.CONCURRENT)
class RelayCrossingsTest {
  private static final Duration GATHERED = Duration.ofSeconds(30);
  private static final List<String> PEERS = List.of("frazil newest", "libnice", "aioice", "ice4j");
  private static final String OVER_UDP = TestNetwork.turnServer(3478, "udp");
  private static final String OVER_TCP = TestNetwork.turnServer(3478, "tcp");
  private static final String OVER_TLS = TestNetwork.turnServer(5349, "tls");

  static Stream<Meeting> symmetricNatsOnBothSides() {
    return Stream.concat(
            PEERS.stream().map(peer -> Meeting.of("frazil", peer).relayedBy("frazil-turn")),
            Stream.of(Meeting.of("frazil", "frazil newest").relayedBy("coturn")))
        .map(meeting ->
            meeting.behind(Nat.RANDOM, Nat.RANDOM).trickling(true).leftWith("--turn", OVER_UDP));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void symmetricNatsOnBothSides(Meeting meeting) {
    connectsByARelay(meeting);
  }

  static Stream<Meeting> udpBlockedOnOneSide() {
    Stream<Meeting> all = PEERS.stream()
        .map(peer -> Meeting.of("frazil", peer)
            .relayedBy("frazil-turn")
            .trickling(true)
            .leftWith("--turn", OVER_UDP, "--turn", OVER_TCP));
    Meeting coturn = Meeting.of("frazil", "frazil newest").relayedBy("coturn");
    return Stream.concat(
            all,
            Stream.of(
                coturn.swapped().leftWith("--turn", OVER_TCP),
                coturn.trickling(true).leftWith(overTls())))
        .map(meeting -> meeting.behind(Nat.UDP_BLOCKED, Nat.RANDOM));
  }

  private static String[] overTls() {
    String trust = PeerProgram.coturnCertificate().toString();
    return new String[] {"--turn", OVER_UDP, "--turn", OVER_TLS, "--trust", trust};
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void udpBlockedOnOneSide(Meeting meeting) {
    connectsByARelay(meeting);
  }

  @Test
  void udpBlockedOnBothSides() {
    connectsByARelay(Meeting.of("frazil", "frazil newest")
        .behind(Nat.UDP_BLOCKED, Nat.UDP_BLOCKED)
        .relayedBy("coturn")
        .trickling(true)
        .leftWith(overTls())
        .rightWith("--turn", OVER_TCP));
  }

  @Test
  void relaysAloneOnBothSidesWithoutAnyNat() {
    Meeting meeting = Meeting.of("frazil", "frazil newest")
        .relayedBy("frazil-turn")
        .leftWith("--turn", OVER_TCP, "--policy", "relay")
        .rightWith("--turn", OVER_UDP, "--policy", "relay");
    try (Crossing crossing = meeting.trickling(true).begin()) {
      new CrossingAssert(crossing).connects().stops();
      for (Peer peer : List.of(crossing.left(), crossing.right())) {
        assertThat(peer.report().ofType("candidate"))
            .isNotEmpty()
            .allMatch(line -> line.path("sdp").asString("").contains(" typ relay "));
      }
    }
  }

  /** The STUN and TURN servers that are asked over UDP stay silent until gathering gives up on them. */
  @Test
  void connectingWaitsForNoUdpThatNeverAnswers() {
    Meeting meeting = Meeting.of("frazil", "frazil newest")
        .behind(Nat.UDP_BLOCKED, Nat.RANDOM)
        .relayedBy("frazil-turn")
        .leftWith("--turn", OVER_UDP, "--turn", OVER_TCP);
    try (Crossing crossing = meeting.trickling(true).begin()) {
      new CrossingAssert(crossing).connects();
      boolean ended =
          crossing.await(Duration.ofSeconds(30), (left, right) -> left.has("end-of-candidates"));
      assertThat(ended).as("%s", crossing.transcript()).isTrue();
      double connected = crossing
          .left()
          .report()
          .ofType("state")
          .filter(line -> line.path("state").asString("").equals("connected"))
          .mapToDouble(RelayCrossingsTest::millis)
          .findFirst()
          .orElseThrow();
      double gathered = crossing
          .left()
          .report()
          .ofType("end-of-candidates")
          .mapToDouble(RelayCrossingsTest::millis)
          .findFirst()
          .orElseThrow();
      assertThat(connected).as("%s", crossing.transcript()).isLessThan(gathered);
    }
  }

  /** Servers that stay silent over UDP are waited for, long after a relay connected. */
  private static void gathersToTheEnd(Crossing crossing) {
    boolean ended = crossing.await(
        GATHERED, (left, right) -> left.has("end-of-candidates") && right.has("end-of-candidates"));
    assertThat(ended).as("%s", crossing.transcript()).isTrue();
  }

  private static double millis(JsonNode line) {
    return line.path("ms").asDouble();
  }

  private static void connectsByARelay(Meeting meeting) {
    try (Crossing crossing = meeting.begin()) {
      new CrossingAssert(crossing).connects();
      PeerReport.Selected selected = crossing.left().report().lastSelected().orElseThrow();
      assertThat(List.of(selected.local().type(), selected.remote().type()))
          .as("%s", crossing.transcript())
          .contains("relay");
      gathersToTheEnd(crossing);
      new CrossingAssert(crossing).stops();
    }
  }
}
