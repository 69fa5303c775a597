package dev.frazil.lab.interop;

import dev.frazil.lab.interop.TestNetwork.Family;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The stacks of others among themselves: what fails here is no fault of Frazil's, but of the peers or the harness. */
@Tag("interop")
@Execution(ExecutionMode.CONCURRENT)
class OtherStacksTest {

  @ParameterizedTest(name = "{0} controls {1}, trickle {2}")
  @CsvSource({"libnice, aioice, false", "aioice, ice4j, false", "ice4j, libnice, true"})
  void otherStacksConnectOnOneNetwork(String left, String right, boolean trickle) {
    cross(left, right, trickle, Nat.NONE, EnumSet.of(Family.IPV4));
  }

  private static void cross(
      String left, String right, boolean trickle, Nat nat, Set<Family> families) {
    PeerArguments arguments = PeerArguments.DEFAULT.withTrickle(trickle).withPayloads(20, 10);
    Crossing.Plan plan = new Crossing.Plan(
        new Crossing.Side(InteropMachine.program(left), arguments, nat),
        new Crossing.Side(InteropMachine.program(right), arguments.withControlling(false), nat),
        families,
        nat != Nat.NONE,
        null);
    try (Crossing crossing = Crossing.begin(plan, false)) {
      new CrossingAssert(crossing).connects().stops();
    }
  }
}
