package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceParameters;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RemoteSideTest {
  private static final Candidate CANDIDATE =
      Candidate.parse("candidate:1 1 udp 2130706431 192.168.1.10 45664 typ host");

  private final List<String> heard = new ArrayList<>();
  private final List<Runnable> later = new ArrayList<>();
  private final RemoteSide.Listener session = new RemoteSide.Listener() {
    @Override
    public void restart() {
      heard.add("restart");
    }

    @Override
    public void setRemote(IceParameters remote) {
      heard.add("remote " + remote.ufrag());
    }

    @Override
    public void addRemoteCandidate(Candidate candidate) {
      heard.add("candidate");
    }

    @Override
    public void endOfRemoteCandidates() {
      heard.add("end");
    }

    @Override
    public void later(Runnable task) {
      later.add(task);
    }
  };

  private static Instruction.Credentials credentials(int generation) {
    return new Instruction.Credentials(
        generation, new IceParameters("gen" + generation, "asd88fgpdd777uzjYhagZg"));
  }

  private static Instruction.RemoteCandidate candidate(int generation) {
    return new Instruction.RemoteCandidate(generation, CANDIDATE);
  }

  private static Instruction.EndOfCandidates end(int generation) {
    return new Instruction.EndOfCandidates(generation);
  }

  @Test
  void withTrickleEverythingIsHandedOnAsItComes() {
    RemoteSide remote = new RemoteSide(true, session);
    remote.handle(candidate(0));
    remote.handle(credentials(0));
    remote.handle(candidate(0));
    remote.handle(end(0));
    later.forEach(Runnable::run);
    assertThat(heard).containsExactly("candidate", "remote gen0", "candidate", "end");
  }

  @Test
  void withTrickleCandidatesThatTheirEndOvertookAreHandedOnBeforeIt() {
    RemoteSide remote = new RemoteSide(true, session);
    remote.handle(end(0));
    remote.handle(candidate(0));
    remote.handle(credentials(0));
    later.forEach(Runnable::run);
    assertThat(heard).containsExactly("candidate", "remote gen0", "end");
  }

  @Test
  void endThatWaitsDoesNotEndTheGenerationAfterIt() {
    RemoteSide remote = new RemoteSide(true, session);
    remote.handle(end(0));
    remote.restart();
    later.forEach(Runnable::run);
    assertThat(heard).containsExactly("restart");
  }

  @Test
  void withoutTrickleNothingIsHandedOnBeforeBothSidesHaveAllCandidates() {
    RemoteSide remote = new RemoteSide(false, session);
    remote.handle(candidate(0));
    remote.handle(end(0));
    remote.handle(credentials(0));
    assertThat(heard).isEmpty();
    remote.handleGathered(0);
    assertThat(heard).containsExactly("remote gen0", "candidate", "end");
  }

  @Test
  void withoutTrickleTheOthersEndMayComeLast() {
    RemoteSide remote = new RemoteSide(false, session);
    remote.handleGathered(0);
    remote.handle(credentials(0));
    assertThat(heard).isEmpty();
    remote.handle(end(0));
    remote.handle(candidate(0));
    assertThat(heard).containsExactly("remote gen0", "end", "candidate");
  }

  @Test
  void lineOfAHigherGenerationBeginsIt() {
    RemoteSide remote = new RemoteSide(true, session);
    remote.handle(credentials(0));
    remote.handle(credentials(2));
    remote.handle(candidate(2));
    assertThat(heard)
        .containsExactly("remote gen0", "restart", "restart", "remote gen2", "candidate");
  }

  @Test
  void linesOfAnOlderGenerationAreSkipped() {
    RemoteSide remote = new RemoteSide(true, session);
    remote.restart();
    remote.handle(credentials(0));
    remote.handle(candidate(0));
    remote.handle(end(0));
    remote.handle(credentials(1));
    assertThat(heard).containsExactly("restart", "remote gen1");
  }

  @Test
  void restartBySessionItselfIsFollowed() {
    RemoteSide remote = new RemoteSide(true, session);
    remote.handleRestarted(1);
    remote.handle(candidate(0));
    remote.handle(credentials(1));
    assertThat(heard).containsExactly("remote gen1");
  }

  @Test
  void restartWithoutTrickleWaitsForTheNewGathering() {
    RemoteSide remote = new RemoteSide(false, session);
    remote.handleGathered(0);
    remote.handle(credentials(1));
    remote.handle(end(1));
    remote.handleRestarted(1);
    assertThat(heard).containsExactly("restart");
    remote.handleGathered(0);
    assertThat(heard).containsExactly("restart");
    remote.handleGathered(1);
    assertThat(heard).containsExactly("restart", "remote gen1", "end");
  }

  @Test
  void leapOfManyGenerationsIsRefused() {
    RemoteSide remote = new RemoteSide(true, session);
    assertThatThrownBy(() -> remote.handle(candidate(1_000_000)))
        .hasMessageContaining("generation 1000000");
    assertThat(heard).isEmpty();
  }
}
