package dev.frazil.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.lab.ConnectTimes.Case;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ConnectTimesTest {
  static List<Case> cases() {
    return ConnectTimes.cases();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void agentsConnectWithinTheLimitsWheneverThereIsAPath(Case each) {
    for (long millis : new long[] {0, 20, 50, 200}) {
      Duration roundTrip = Duration.ofMillis(millis);
      ConnectTime time = each.measure(roundTrip, 0, 1);
      assertThat(time.isComplete())
          .as("%s at %d ms: %s", each, millis, time)
          .isEqualTo(each.canConnect());
      if (each.canConnect() && !each.isTie(roundTrip)) {
        assertThat(time.validAfter())
            .as("valid, %d ms: %s", millis, time)
            .isLessThanOrEqualTo(time.validLimit());
        assertThat(time.deliveredAfter())
            .as("delivered, %d ms: %s", millis, time)
            .isLessThanOrEqualTo(time.deliveredLimit());
        assertThat(time.nominatedAfter())
            .as("nominated, %d ms: %s", millis, time)
            .isLessThanOrEqualTo(time.nominatedLimit());
      }
    }
  }

  @Test
  void agentsBehindPortRestrictedNatsConnectWithin120MillisecondsAtARoundTripOf50() {
    ConnectTime time = ConnectTimesSummary.portRestricted();
    assertThat(time.isComplete()).isTrue();
    assertThat(Duration.ofNanos(time.connected())).isLessThanOrEqualTo(Duration.ofMillis(120));
  }
}
