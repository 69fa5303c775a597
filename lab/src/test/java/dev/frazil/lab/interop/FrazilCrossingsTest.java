package dev.frazil.lab.interop;

import dev.frazil.lab.interop.TestNetwork.Family;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Frazil meets every stack there is here, itself on another JDK among them, over real sockets and NATs. */
@Tag("interop")
@Execution(ExecutionMode.CONCURRENT)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class FrazilCrossingsTest {
  private static final List<String> PEERS = List.of("frazil newest", "libnice", "aioice", "ice4j");

  /** Takes 40 s of waiting: it comes first, so that the others pass the time. */
  @Test
  @Order(1)
  @Tag("ICE-2910")
  @Tag("ICE-2920")
  @Tag("ICE-2930")
  void symmetricNatsOnBothSidesFailWithAReasonWhenLateChecksHadTheirTime() {
    Meeting meeting = Meeting.of("frazil", "frazil newest").behind(Nat.RANDOM, Nat.RANDOM);
    try (Crossing crossing = meeting.trickling(true).begin()) {
      new CrossingAssert(crossing).failsInTime().stops();
    }
  }

  static Stream<Meeting> bothRolesTrickleAndNot() {
    return PEERS.stream()
        .flatMap(FrazilCrossingsTest::inBothRoles)
        .flatMap(meeting -> Stream.of(meeting, meeting.trickling(true)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  @Order(2)
  void bothRolesTrickleAndNot(Meeting meeting) {
    connect(meeting);
  }

  static Stream<Meeting> natsThatKeepPortsOnBothSides() {
    return PEERS.stream()
        .flatMap(FrazilCrossingsTest::inBothRoles)
        .map(meeting -> meeting.trickling(meeting.left().controlling()))
        .map(meeting -> meeting.behind(Nat.MASQUERADE, Nat.MASQUERADE));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  @Order(3)
  void natsThatKeepPortsOnBothSides(Meeting meeting) {
    connect(meeting);
  }

  /** Frazil behind the symmetric NAT when it is controlled, the other one when Frazil controls. */
  static Stream<Meeting> symmetricNatOnOneSide() {
    return PEERS.stream().flatMap(peer -> {
      Meeting meeting = Meeting.of("frazil", peer);
      return Stream.of(
          meeting.behind(Nat.OPEN, Nat.RANDOM),
          meeting.swapped().trickling(true).behind(Nat.RANDOM, Nat.OPEN));
    });
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  @Order(4)
  void symmetricNatOnOneSide(Meeting meeting) {
    connect(meeting);
  }

  /** Not both controlled with ice4j, which at times does not complete then: docs/interop.md. */
  static Stream<Meeting> sameRoleGivenToBoth() {
    return PEERS.stream()
        .flatMap(peer -> (peer.equals("ice4j") ? Stream.of(true) : Stream.of(true, false))
            .map(controlling -> Meeting.of("frazil", peer).roles(controlling, controlling)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  @Order(5)
  void sameRoleGivenToBoth(Meeting meeting) {
    try (Crossing crossing = meeting.trickling(true).begin()) {
      new CrossingAssert(crossing).connects().echoesBurst(10).stops();
    }
  }

  /** Late: Frazil is checked before it knows by whom. */
  static Stream<Meeting> lateAndReorderedSignalling() {
    return PEERS.stream().flatMap(peer -> {
      Meeting meeting = Meeting.of("frazil", peer);
      return Stream.of(
          meeting.trickling(true).signalling(Signalling.PROMPT, Signalling.LATE),
          meeting.swapped().signalling(Signalling.REVERSED, Signalling.REVERSED));
    });
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  @Order(6)
  void lateAndReorderedSignalling(Meeting meeting) {
    connect(meeting);
  }

  static Stream<Meeting> overIpv6AndOverBothFamilies() {
    return Stream.concat(
        PEERS.stream().map(peer -> Meeting.of("frazil", peer).over(Family.IPV6)),
        Stream.of("aioice", "ice4j")
            .map(peer ->
                Meeting.of("frazil", peer).over(Family.IPV4, Family.IPV6).trickling(true)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  @Order(7)
  void overIpv6AndOverBothFamilies(Meeting meeting) {
    connect(meeting);
  }

  private static Stream<Meeting> inBothRoles(String peer) {
    Meeting meeting = Meeting.of("frazil", peer);
    return Stream.of(meeting, meeting.swapped());
  }

  private static void connect(Meeting meeting) {
    try (Crossing crossing = meeting.begin()) {
      new CrossingAssert(crossing).connects().stops();
    }
  }
}
