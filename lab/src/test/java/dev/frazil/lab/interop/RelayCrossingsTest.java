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
import org.junit.jupiter.params.provider.ValueSource;
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

  /** Only the other stack has a relay, and tells no other address. */
  static Stream<Meeting> clientsOfOthersBehindSymmetricNats() {
    return Stream.of(
            othersRelay("libnice", OVER_UDP),
            othersRelay("libnice", OVER_TCP),
            othersRelay("ice4j", OVER_UDP),
            // aioice hears peers by channels alone: no peer may be behind another port than it
            // told.
            othersRelay("aioice", OVER_UDP).leftWith("--turn", OVER_UDP),
            othersRelay("aioice", OVER_TCP).leftWith("--turn", OVER_UDP),
            othersRelay("aioice", OVER_TLS, "--trust", trust()).leftWith("--turn", OVER_UDP))
        .flatMap(meeting -> Stream.of(meeting, meeting.swapped()));
  }

  private static Meeting othersRelay(String peer, String... turn) {
    String[] arguments = Stream.concat(Stream.of("--policy", "relay", "--turn"), Stream.of(turn))
        .toArray(String[]::new);
    return Meeting.of("frazil", peer)
        .behind(Nat.RANDOM, Nat.RANDOM)
        .relayedBy("frazil-turn")
        .rightWith(arguments);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void clientsOfOthersBehindSymmetricNats(Meeting meeting) {
    try (Crossing crossing = meeting.begin()) {
      new CrossingAssert(crossing).connects().stops();
      assertThat(crossing.right().report().candidateTypes()).containsOnly("relay");
      PeerReport.Selected selected = crossing.right().report().lastSelected().orElseThrow();
      assertThat(selected.local().type()).as("%s", crossing.transcript()).isEqualTo("relay");
    }
  }

  static Stream<Meeting> udpBlockedOnOneSide() {
    Stream<Meeting> all = PEERS.stream()
        .map(peer -> Meeting.of("frazil", peer)
            .relayedBy("frazil-turn")
            .trickling(true)
            .leftWith("--turn", OVER_UDP, "--turn", OVER_TCP));
    Meeting ours = Meeting.of("frazil", "frazil newest").relayedBy("frazil-turn");
    Meeting coturn = ours.relayedBy("coturn");
    return Stream.concat(
            all,
            Stream.of(
                ours.trickling(true).leftWith(overTls()),
                ours.swapped().leftWith(overTls()),
                coturn.swapped().leftWith("--turn", OVER_TCP),
                coturn.trickling(true).leftWith(overTls())))
        .map(meeting -> meeting.behind(Nat.UDP_BLOCKED, Nat.RANDOM));
  }

  private static String trust() {
    return PeerProgram.serverCertificate().toString();
  }

  private static String[] overTls() {
    return new String[] {"--turn", OVER_UDP, "--turn", OVER_TLS, "--trust", trust()};
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void udpBlockedOnOneSide(Meeting meeting) {
    connectsByARelay(meeting);
  }

  @ParameterizedTest
  @ValueSource(strings = {"frazil-turn", "coturn"})
  void udpBlockedOnBothSides(String server) {
    connectsByARelay(Meeting.of("frazil", "frazil newest")
        .behind(Nat.UDP_BLOCKED, Nat.UDP_BLOCKED)
        .relayedBy(server)
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

  static Stream<Meeting> connectingWaitsForNoUdpThatNeverAnswers() {
    return Stream.of(new String[] {"--turn", OVER_UDP, "--turn", OVER_TCP}, overTls())
        .map(turn -> Meeting.of("frazil", "frazil newest")
            .behind(Nat.UDP_BLOCKED, Nat.RANDOM)
            .relayedBy("frazil-turn")
            .trickling(true)
            .leftWith(turn));
  }

  /** The STUN and TURN servers that are asked over UDP stay silent until gathering gives up on them. */
  @ParameterizedTest(name = "{0}")
  @MethodSource
  void connectingWaitsForNoUdpThatNeverAnswers(Meeting meeting) {
    try (Crossing crossing = meeting.begin()) {
      new CrossingAssert(crossing).connects();
      gathersToTheEnd(crossing);
      PeerReport left = crossing.left().report();
      double connected = millis(
          left.ofType("state").filter(line -> line.path("state").asString("").equals("connected")));
      double gathered = millis(left.ofType("end-of-candidates"));
      assertThat(connected).as("%s", crossing.transcript()).isLessThan(gathered);
    }
  }

  /** Servers that stay silent over UDP are waited for, long after a relay connected. */
  private static void gathersToTheEnd(Crossing crossing) {
    boolean ended = crossing.await(
        GATHERED, (left, right) -> left.has("end-of-candidates") && right.has("end-of-candidates"));
    assertThat(ended).as("%s", crossing.transcript()).isTrue();
  }

  private static double millis(Stream<JsonNode> lines) {
    return lines.mapToDouble(line -> line.path("ms").asDouble()).findFirst().orElseThrow();
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
