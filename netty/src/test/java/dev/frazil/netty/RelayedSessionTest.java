package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.SendResult;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Sessions that reach each other through a TURN server alone. */
class RelayedSessionTest {
  private final IceRuntime runtime = IceRuntime.builder().eventLoops(1).build();

  @AfterEach
  void close() throws Exception {
    runtime.close();
  }

  @Test
  void relayOnlySessionsExchangeDataAndGiveTheirAllocationsBack() throws Exception {
    try (LoopbackTurnServer server = new LoopbackTurnServer()) {
      try (Pair pair = new Pair(
          runtime,
          settings -> settings
              .turnServers(List.of(server.server()))
              .candidateTypes(Set.of(CandidateType.RELAYED)))) {
        pair.connect();
        assertThat(pair.leftEvents)
            .filteredOn(IceEvent.CandidateGathered.class::isInstance)
            .extracting(event -> ((IceEvent.CandidateGathered) event).candidate())
            .extracting(Candidate::type)
            .containsExactly(CandidateType.RELAYED);
        assertThat(pair.left.send(ByteBuffer.wrap(new byte[] {1, 2, 3})))
            .isEqualTo(SendResult.SENT);
        ByteBuffer into = ByteBuffer.allocate(100);
        assertThat(pair.right.receive(into, Duration.ofSeconds(10))).isEqualTo(3);
        assertThat(server.allocations()).isEqualTo(2);
      }
      Wait.until(() -> server.allocations() == 0);
    }
  }
}
