package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static dev.frazil.ice.Encounter.errorOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Which path data takes, and what becomes of the others (RFC 8445 8.3, 12). */
class DataTest {
  private static final TransportAddress WORSE = TransportAddress.udp("192.0.2.9", 4001);

  private static List<FiveTuple> pathsOfData(Encounter scene) {
    return scene.agent.sent().stream()
        .filter(sent -> sent.message() == null)
        .map(AgentHarness.Sent::path)
        .toList();
  }

  @Test
  @Tag("ICE-3200")
  @Tag("ICE-3210")
  @Tag("ICE-3220")
  void dataTakesTheBestValidPairThenTheSelectedOne() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.peer.tell(
        scene.peer.host("192.0.2.9", 4000),
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1));
    scene.peer.awaitCheck(2);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    scene.peer.answer(scene.peer.checksTo(WORSE).get(0), TransportAddress.udp("203.0.113.1", 1));
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.peer.answer(scene.peer.checksTo(THERE).get(0));
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.from(WORSE).role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    assertThat(pathsOfData(scene))
        .containsExactly(
            new FiveTuple(scene.agent.base(), WORSE),
            new FiveTuple(scene.agent.base(), THERE),
            new FiveTuple(scene.agent.base(), WORSE));
    scene.fromThere().role(Role.CONTROLLING, 1).send();
    scene.runMillis(500);
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    assertThat(pathsOfData(scene).get(3).remote()).isEqualTo(WORSE);
  }

  @Test
  @Tag("ICE-3240")
  void withoutAValidPairThereIsNoPath() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    scene.peer.answer(scene.peer.awaitCheck(1));
    assertThat(scene.pairTo(THERE).nominated()).isFalse();
  }

  @Test
  @Tag("ICE-3250")
  void failureOfOneComponentStopsTheOther() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED), 2);
    scene.peer.answerWhen(check -> check.to().equals(THERE), Duration.ofMillis(20));
    scene.peer.introduce();
    scene.peer.tell(
        scene.peer.host("192.0.2.9", 4000),
        scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 2));
    scene.peer.tellEnd();
    scene.runMillis(1_000);
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.send()).isEqualTo(SendResult.SENT);
    scene.runMillis(40_000);
    assertThat(scene.send()).isEqualTo(SendResult.NO_PATH);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
  }

  @Test
  @Tag("ICE-3270")
  void dataIsTakenOnAnyPairOfAPeerThatHasShownItself() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLED), 1, "192.0.2.1", "192.0.2.2");
    scene.peer.introduce();
    TransportAddress second = scene.agent.bases().get(1);
    scene.agent.receive(new FiveTuple(second, WORSE), ByteBuffer.wrap(new byte[] {9}));
    assertThat(scene.agent.delivered()).isEmpty();
    assertThat(scene.dropped(DropReason.UNKNOWN_SENDER)).isEqualTo(1);
    scene.peer.request(WORSE, second).role(Role.CONTROLLING, 1).send();
    scene.completed();
    assertThat(scene.agent.agent().path(0, 1).remote()).isEqualTo(THERE);
    scene.data(THERE, 1);
    scene.agent.receive(new FiveTuple(second, WORSE), ByteBuffer.wrap(new byte[] {2}));
    assertThat(scene.agent.delivered())
        .extracting(delivered -> delivered.payload().get(0))
        .containsExactly((byte) 1, (byte) 2);
  }

  @Test
  @Tag("ICE-3280")
  void changeOfThePathIsToldApartFromData() {
    Encounter scene = new Encounter(Role.CONTROLLED).answering();
    scene.peer.introduce();
    scene.peer.tell(scene.peer.candidate(CandidateType.HOST, "192.0.2.9", 4001, 7, 1));
    scene.runMillis(500);
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(500);
    assertThat(scene.agent.events(IceEvent.PathChanged.class))
        .extracting(event -> event.path().remote())
        .containsExactly(WORSE, THERE);
    scene.data(THERE, 1);
    scene.data(WORSE, 2);
    assertThat(scene.agent.delivered()) // data says its component, not where it came from
        .allMatch(delivered -> delivered.stream() == 0 && delivered.component() == 1)
        .hasSize(2);
    assertThat(scene.agent.events(IceEvent.PathChanged.class)).hasSize(2);
  }

  @Test
  void componentThatIsNotThereIsTheCallersMistake() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    for (int component : new int[] {0, 2, -1}) {
      assertThatThrownBy(() -> scene.agent.agent().path(0, component))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("component " + component);
      assertThatThrownBy(() ->
              scene.agent.agent().send(0, component, ByteBuffer.allocate(1), scene.time.now()))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> scene.agent.agent().path(1, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("stream 1");
  }

  /** A peer that goes from port to port keeps being heard: the table of senders forgets the oldest. */
  @Test
  void senderThatIsHeardAgainAndAgainIsNotForgotten() {
    Encounter scene = new Encounter(Role.CONTROLLED).completed();
    for (int i = 0; i < 1_000; i++) {
      scene
          .from(TransportAddress.udp("192.0.2.9", 5000 + i))
          .role(Role.CONTROLLING, 1)
          .send();
      if (i % 100 == 0) {
        scene.fromThere().role(Role.CONTROLLING, 1).send();
      }
    }
    scene.data(THERE, 1);
    assertThat(scene.agent.delivered()).hasSize(1);
    scene.data(TransportAddress.udp("192.0.2.9", 5000), 2);
    assertThat(scene.agent.delivered()).hasSize(1);
  }

  // RFC 8445 8.3

  private static Encounter releasing(Duration after) {
    Encounter scene = new Encounter(
        AgentHarness.settings(Role.CONTROLLED).releaseAfter(after), 1, "192.0.2.1", "192.0.2.2");
    scene.peer.answerWhen(
        check -> check.path().local().equals(scene.agent.bases().get(0)), Duration.ofMillis(20));
    scene.introduced();
    scene.runMillis(100);
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    return scene;
  }

  @Test
  @Tag("ICE-3120")
  @Tag("ICE-3130")
  void candidatesThatWereNotSelectedAnswerForThreeSecondsThenAreFreed() {
    Encounter scene = releasing(Duration.ofSeconds(3));
    TransportAddress kept = scene.agent.agent().path(0, 1).local();
    TransportAddress spare = scene.agent.bases().get(1);
    assertThat(spare).isNotEqualTo(kept);
    scene.runMillis(2_900);
    assertThat(
            errorOf(scene.peer.request(THERE, spare).role(Role.CONTROLLING, 1).send()))
        .isZero();
    assertThat(scene.agent.requests(IceRequest.Close.class)).isEmpty();
    scene.runMillis(200);
    assertThat(scene.agent.requests(IceRequest.Close.class))
        .containsExactly(new IceRequest.Close(spare));
    assertThat(scene.peer.request(THERE, spare).role(Role.CONTROLLING, 1).send())
        .isNull();
    assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 1).send())).isZero();
    scene.time.runFor(Duration.ofMinutes(5));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-3120")
  void waitShorterThanThreeSecondsIsRefused() {
    assertThatThrownBy(
            () -> AgentHarness.settings(Role.CONTROLLED).releaseAfter(Duration.ofMillis(2_999)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("releaseAfter");
  }

  @Test
  @Tag("ICE-3130")
  void nothingIsSentFromAFreedSocketEvenWithAnAggressivePeer() {
    Encounter scene = new Encounter(
        AgentHarness.settings(Role.CONTROLLED).releaseAfter(Duration.ofSeconds(3)),
        1,
        "192.0.2.1",
        "192.0.2.2");
    TransportAddress spare =
        scene.agent.bases().get(0); // of the better pair, which stays under check
    TransportAddress used = scene.agent.bases().get(1);
    scene.peer.answerWhen(check -> check.path().local().equals(used), Duration.ofMillis(20));
    IceParameters plain = scene.peer.parameters();
    scene.peer.introduce(
        new IceParameters(plain.ufrag(), plain.password(), false, 10, java.util.Set.of("trickle")));
    scene.peer.tell(scene.peer.host("192.0.2.9", 4000));
    scene.runMillis(100);
    scene.peer.request(THERE, used).role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.pairs()).hasSize(2);
    scene.runMillis(3_100);
    assertThat(scene.agent.bases()).containsExactly(used);
    int before = scene.agent.sent().size();
    scene.runMillis(40_000);
    assertThat(scene.agent.sent().subList(before, scene.agent.sent().size()))
        .noneMatch(sent -> sent.path().local().equals(spare));
    assertThat(scene.pairs()).hasSize(1);
  }

  @Test
  @Tag("ICE-3130")
  void mappingsThatNobodyUsesAreNoLongerKeptAlive() {
    TransportAddress server = TransportAddress.udp("203.0.113.5", 3478);
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED)
        .stunServers(List.of(new StunServer("203.0.113.5", 3478))));
    scene.agent.onSent((path, datagram) -> {
      StunMessage request = StunMessage.tryParse(datagram);
      if (path.remote().equals(server) && request != null) {
        StunBuilder answer =
            StunBuilder.success(Method.BINDING, request.transactionId(), ByteBuffer.allocate(200));
        answer.put(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp("203.0.113.9", 9));
        scene.time.after(Duration.ofMillis(10), () -> scene.agent.receive(path, answer.finish()));
      }
    });
    scene.time.runFor(Duration.ofMinutes(2));
    long kept = requestsTo(scene, server);
    assertThat(kept).isGreaterThanOrEqualTo(5); // while ICE is not done they are
    scene.completed();
    long before = requestsTo(scene, server);
    scene.time.runFor(Duration.ofMinutes(5));
    assertThat(requestsTo(scene, server)).isEqualTo(before);
  }

  private static long requestsTo(Encounter scene, TransportAddress server) {
    return scene.agent.sent().stream()
        .filter(sent -> sent.path().remote().equals(server))
        .count();
  }

  @Test
  @Tag("ICE-3130")
  void restartBindsFreedAddressesAnew() {
    Encounter scene = releasing(Duration.ofSeconds(3));
    scene.runMillis(3_100);
    assertThat(scene.agent.bases()).hasSize(1);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    assertThat(scene.agent.bases()).hasSize(2);
  }
}
