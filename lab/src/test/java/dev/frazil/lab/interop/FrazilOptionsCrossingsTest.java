package dev.frazil.lab.interop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.lab.interop.TestNetwork.Family;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What not every stack can: restarts, lite agents, pacing and options told, nomination of one or of many pairs. */
@Tag("interop")
@Execution(ExecutionMode.CONCURRENT)
class FrazilOptionsCrossingsTest {

  static Stream<Meeting> restartByFrazilLosesNoPayload() {
    return Stream.of(
        Meeting.of("frazil", "frazil newest").behind(Nat.MASQUERADE, Nat.MASQUERADE),
        Meeting.of("frazil", "libnice"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void restartByFrazilLosesNoPayload(Meeting meeting) {
    try (Crossing crossing = meeting.trickling(true).begin()) {
      new CrossingAssert(crossing)
          .connects()
          .restartsUnderTraffic(crossing.left())
          .stops();
    }
  }

  static Stream<Meeting> restartByTheOtherLosesNoPayload() {
    return Stream.of(
        Meeting.of("frazil", "frazil newest").swapped().over(Family.IPV4, Family.IPV6),
        Meeting.of("frazil", "libnice").swapped());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void restartByTheOtherLosesNoPayload(Meeting meeting) {
    try (Crossing crossing = meeting.begin()) {
      new CrossingAssert(crossing)
          .connects()
          .restartsUnderTraffic(crossing.right())
          .stops();
    }
  }

  static Stream<Meeting> liteOnOneOrBothSides() {
    return Stream.of(
        Meeting.of("frazil", "frazil newest").rightWith("--lite"),
        Meeting.of("frazil", "frazil newest").swapped().rightWith("--lite"),
        Meeting.of("frazil", "frazil newest").leftWith("--lite").rightWith("--lite"),
        Meeting.of("frazil", "libnice").rightWith("--lite"),
        Meeting.of("frazil", "libnice").swapped().leftWith("--lite"),
        Meeting.of("frazil", "aioice").swapped().leftWith("--lite"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void liteOnOneOrBothSides(Meeting meeting) {
    connect(meeting);
  }

  static Stream<Meeting> libniceNominatesOnePairOrMany() {
    Meeting meeting = Meeting.of("frazil", "libnice").swapped().over(Family.IPV4, Family.IPV6);
    return Stream.of(meeting.trickling(true), meeting.rightWith("--regular-nomination"), meeting);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void libniceNominatesOnePairOrMany(Meeting meeting) {
    connect(meeting);
  }

  @Test
  void pacingAndOptionsReachTheOtherSide() {
    Meeting meeting = Meeting.of("frazil", "frazil newest").leftWith("--pacing", "35");
    try (Crossing crossing = meeting.trickling(true).begin()) {
      new CrossingAssert(crossing).connects().stops();
      assertThat(crossing.left().report().ofType("credentials")).singleElement().satisfies(told -> {
        assertThat(told.path("pacing").asInt()).isEqualTo(35);
        assertThat(told.path("options").values()).hasSizeGreaterThanOrEqualTo(2);
      });
    }
  }

  private static void connect(Meeting meeting) {
    try (Crossing crossing = meeting.begin()) {
      new CrossingAssert(crossing).connects().stops();
    }
  }
}
