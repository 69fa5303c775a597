package dev.frazil.lab.campaign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The campaign notices when an agent is wrong: each {@link Breakage} within so many runs, and none without it. */
@Tag("slow")
class BrokenAgentTest {
  private static final long RUNS = 200;

  /** What the agent as it is does wrong in the same runs. */
  private static List<String> sound = List.of();
  /** By breakage, the seed that showed it first and how. */
  private static Map<Breakage, String> caught = Map.of();

  @BeforeAll
  static void runAll() {
    sound = LongStream.rangeClosed(1, RUNS)
        .parallel()
        .mapToObj(Run::of)
        .flatMap(outcome ->
            outcome.violations().stream().map(what -> "seed " + outcome.seed() + ": " + what))
        .toList();
    caught = Arrays.stream(Breakage.values())
        .parallel()
        .collect(Collectors.toMap(Function.identity(), BrokenAgentTest::hunt));
  }

  /** The first violation that a breakage is known by; empty when there is none. */
  private static String hunt(Breakage breakage) {
    ChangedCode broken = new ChangedCode(breakage.changes);
    for (long seed = 1; seed <= RUNS; seed++) {
      for (String violation : broken.run(seed).violations()) {
        if (violation.contains(breakage.words)) {
          return "seed " + seed + ": " + violation;
        }
      }
    }
    return "";
  }

  @ParameterizedTest
  @EnumSource
  void campaignCatchesEachBreakageAndAcquitsTheSoundAgent(Breakage breakage) {
    assertThat(caught.get(breakage)).as("what %d runs found", RUNS).contains(breakage.words);
    assertThat(sound).noneMatch(violation -> violation.contains(breakage.words));
  }

  @Test
  void loadingTheCodeOnceMoreChangesNothing() {
    ChangedCode unchanged = new ChangedCode(List.of());
    for (long seed = 1; seed <= 10; seed++) {
      Run.Outcome outcome = Run.of(seed);
      assertThat(unchanged.run(seed))
          .isEqualTo(new ChangedCode.Ending(outcome.packets(), outcome.violations()));
    }
  }

  @Test
  void changeThatFindsNothingToChangeIsRefused() {
    String type = "dev.frazil.ice.Roles";
    for (Change change :
        List.of(Change.empty(type, "renamed"), Change.without(type, "refuses", "renamed"))) {
      assertThatThrownBy(() -> new ChangedCode(List.of(change)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("nothing to change in dev.frazil.ice.Roles.re");
    }
  }
}
