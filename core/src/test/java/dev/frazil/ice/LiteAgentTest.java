package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a lite agent gathers: RFC 8445 5.2. */
class LiteAgentTest {
  private final VirtualTime time = new VirtualTime();

  private AgentHarness lite(int streams, int components, String... addresses) {
    AgentHarness agent = new AgentHarness(
        time,
        AgentHarness.settings(Role.CONTROLLED)
            .lite(true)
            .stunServers(
                List.of(new StunServer("198.51.100.1", 3478), new StunServer("stun.example", 3478)))
            .build());
    for (int i = 0; i < streams; i++) {
      agent.call(now -> agent.agent().addStream(components, now));
    }
    agent.interfaces(addresses);
    return agent;
  }

  @Test
  @Tag("ICE-1300")
  void aLiteAgentHasOneHostCandidateForEachFamilyAndComponentAndAsksNobody() {
    AgentHarness agent = lite(1, 2, "192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1%2");
    time.runFor(Duration.ofMinutes(2));
    assertThat(agent.gathered())
        .allMatch(candidate -> candidate.type() == CandidateType.HOST)
        .extracting(
            candidate -> candidate.component() + " " + candidate.address().ip())
        .containsExactlyInAnyOrder("1 192.0.2.1", "2 192.0.2.1", "1 2001:db8::1", "2 2001:db8::1");
    assertThat(agent.sent()).isEmpty();
    assertThat(agent.requests(IceRequest.Resolve.class)).isEmpty();
    assertThat(agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
  }

  @Test
  @Tag("ICE-1310")
  void foundationsTellAddressesApartAndPrioritiesTellCandidatesApart() {
    AgentHarness agent = lite(2, 2, "192.0.2.1", "2001:db8::1");
    List<IceEvent.CandidateGathered> gathered = agent.events(IceEvent.CandidateGathered.class);
    assertThat(gathered).hasSize(8);
    for (IceEvent.CandidateGathered one : gathered) {
      for (IceEvent.CandidateGathered other : gathered) {
        assertThat(one.candidate().foundation().equals(other.candidate().foundation()))
            .isEqualTo(one.candidate()
                .address()
                .ip()
                .equals(other.candidate().address().ip()));
      }
    }
    for (int stream = 0; stream < 2; stream++) {
      Set<Integer> priorities = new HashSet<>();
      for (IceEvent.CandidateGathered each : gathered) {
        assertThat(each.stream() != stream || priorities.add(each.candidate().priority()))
            .isTrue();
      }
    }
  }

  @Test
  @Tag("ICE-1320")
  void prioritiesFollowTheAddressesPrecedence() {
    assertThat(lite(1, 1, "192.0.2.1").gathered())
        .extracting(Candidate::priority)
        .containsExactly(2130706431);
    assertThat(lite(1, 1, "192.0.2.1", "2001:db8::1").gathered())
        .extracting(Candidate::priority)
        .containsExactlyInAnyOrder((126 << 24) + (40 << 8) + 255, (126 << 24) + (35 << 8) + 255);
    assertThat(lite(1, 1, "2001:db8::1").gathered())
        .extracting(Candidate::priority)
        .containsExactly((126 << 24) + (40 << 8) + 255);
  }
}
