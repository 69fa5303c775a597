package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.cli.NatMatrix.Cell;
import dev.frazil.cli.NatMatrix.Router;
import dev.frazil.net.Transport;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class NatMatrixTest {
  private static final Set<Router> PICKY = Set.of(Router.PORT_RESTRICTED, Router.SYMMETRIC);

  static Stream<Arguments> pairs() {
    return Stream.of(Router.values())
        .flatMap(left -> Stream.of(Router.values()).map(right -> Arguments.of(left, right)));
  }

  /** A symmetric NAT's new port is let in only by a NAT that does not look at ports. */
  @ParameterizedTest
  @MethodSource("pairs")
  void everyPairConnectsAndOnlySymmetricAgainstPickyAndBlockedByARelay(Router left, Router right) {
    boolean blocked = left == Router.BLOCKED || right == Router.BLOCKED;
    boolean relayed = left == Router.SYMMETRIC && PICKY.contains(right)
        || right == Router.SYMMETRIC && PICKY.contains(left)
        || blocked;
    Cell cell = NatMatrix.run(left, right, 1);
    assertThat(cell.direct()).isEqualTo(!relayed);
    assertThat(cell.relay()).isEqualTo(blocked ? Transport.TCP : relayed ? Transport.UDP : null);
    assertThat(cell.path()).isNotNull();
    double fastest = NatMatrix.ROUND_TRIP.toMillis()
        * 1.5; // parameters go half a round trip, a check a whole one
    assertThat(cell.connectMillis()).isBetween(fastest, 1000.0);
    assertThat(cell.payloadMillis()).isGreaterThan(cell.connectMillis());
  }

  @Test
  void sameSeedSameResult() {
    assertThat(NatMatrix.run(Router.SYMMETRIC, Router.RESTRICTED, 7))
        .isEqualTo(NatMatrix.run(Router.SYMMETRIC, Router.RESTRICTED, 7));
  }
}
