package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.PairState;
import dev.frazil.net.TransportAddress;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class JsonTest {
  private record Sample(
      @Nullable Double connectMillis,
      TransportAddress address,
      PairState pairState,
      Map<PairState, Long> counts,
      Object other) {}

  @Test
  void recordsBecomeObjectsWithNamesInSnakeCase() {
    Sample sample = new Sample(
        1.23456789,
        TransportAddress.udp("2001:db8::1", 5),
        PairState.IN_PROGRESS,
        Map.of(PairState.FAILED, 2L),
        Candidate.parse("candidate:1 1 udp 1 192.0.2.1 1 typ host"));
    assertThat(Json.line(Json.tree(sample))).isEqualTo("""
        {"connect_ms":1.234568,"address":"[2001:db8::1]:5","pair_state":"in-progress","counts":{"failed":2},\
        "other":"candidate:1 1 udp 1 192.0.2.1 1 typ host"}""");
  }

  @Test
  void passwordsAreLeftOut() {
    IceParameters parameters =
        new IceParameters("8hhY", "asd88fgpdd777uzjYhagZg", false, 20, Set.of("ice2"));
    assertThat(Json.line(Json.tree(parameters)))
        .isEqualTo("{\"ufrag\":\"8hhY\",\"lite\":false,\"pacing\":20,\"options\":[\"ice2\"]}");
  }

  @Test
  void onlyOneWholeObjectIsAnObject() {
    assertThat(Json.parseObject("{\"a\":1}")).isNotNull();
    assertThat(Json.parseObject("{\"a\":1}x")).isNull();
    assertThat(Json.parseObject("{\"a\":1")).isNull();
    assertThat(Json.parseObject("[".repeat(60_000))).isNull();
  }
}
