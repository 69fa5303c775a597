package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import dev.frazil.ice.IceStatistics.CandidateStatistics;
import dev.frazil.ice.IceStatistics.NetworkHint;
import dev.frazil.ice.IceStatistics.PairStatistics;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Statistics of pairs and candidates, in the terms of the W3C's WebRTC statistics. */
class StatisticsTest {
  @Test
  void requestsAndAnswersOfAPairAreCounted() {
    Encounter scene = new Encounter(Role.CONTROLLING);
    scene.introduced();
    ScriptedPeer.Check first = scene.peer.awaitCheck(1);
    scene.runMillis(600); // one retransmission
    scene.fromThere().send(); // its own check cancels ours: a new one follows
    ScriptedPeer.Check second = scene.peer.awaitCheck(2);
    scene.runMillis(30);
    scene.peer.answer(second);
    PairStatistics pair = scene.pairTo(THERE);
    assertThat(first.to()).isEqualTo(THERE);
    assertThat(pair.requestsSent()).isEqualTo(3); // the nominating one is on its way
    assertThat(pair.retransmissionsSent()).isEqualTo(1);
    assertThat(pair.responsesReceived()).isEqualTo(1);
    assertThat(pair.requestsReceived()).isEqualTo(1);
    assertThat(pair.responsesSent()).isEqualTo(1);
    assertThat(pair.consentRequestsSent()).isZero();
    assertThat(pair.totalRoundTripTime()).isCloseTo(0.030, within(1e-9));
    assertThat(pair.currentRoundTripTime()).isCloseTo(0.030, within(1e-9));
  }

  @Test
  void checkThatTeachesAPairCountsToo() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    scene.peer.introduce();
    scene.fromThere().role(Role.CONTROLLING, 1).send();
    assertThat(scene.pairTo(THERE).requestsReceived()).isEqualTo(1);
    assertThat(scene.pairTo(THERE).responsesSent()).isEqualTo(1);
  }

  @Test
  void consentRequestsAddToTheRoundTripsAndToNoOtherCount() {
    Encounter scene = new Encounter(Role.CONTROLLING).completed();
    PairStatistics before = scene.pairTo(THERE);
    scene.time.runFor(Duration.ofSeconds(20));
    PairStatistics after = scene.pairTo(THERE);
    assertThat(before.nominated()).isTrue();
    assertThat(before.state()).isEqualTo(PairState.SUCCEEDED);
    assertThat(after.consentRequestsSent()).isBetween(3L, 5L);
    assertThat(after.requestsSent()).isEqualTo(before.requestsSent());
    assertThat(after.responsesReceived())
        .isEqualTo(before.responsesReceived() + after.consentRequestsSent());
    assertThat(after.totalRoundTripTime() / after.responsesReceived())
        .isCloseTo(0.020, within(1e-9));
  }

  @Test
  void roundTripOfARequestSentTwiceIsNotGuessed() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    ScriptedPeer.Check check = scene.peer.awaitCheck(1);
    scene.runMillis(600);
    scene.peer.answer(check);
    assertThat(scene.pairTo(THERE).responsesReceived()).isEqualTo(1);
    assertThat(scene.pairTo(THERE).totalRoundTripTime()).isZero();
  }

  @Test
  void dataIsCountedAndTimedBothWays() {
    Encounter scene = new Encounter(Role.CONTROLLING).completed();
    assertThat(scene.pairTo(THERE).lastPacketSentTimestamp()).isEqualTo(-1);
    assertThat(scene.pairTo(THERE).lastPacketReceivedTimestamp()).isEqualTo(-1);
    scene.send();
    scene.runMillis(5);
    scene.send();
    long sent = scene.time.now();
    scene.runMillis(7);
    scene.data(THERE, 1, 2, 3);
    long received = scene.time.now();
    scene.runMillis(7);
    PairStatistics pair = scene.pairTo(THERE);
    assertThat(pair.packetsSent()).isEqualTo(2);
    assertThat(pair.bytesSent()).isEqualTo(2);
    assertThat(pair.packetsReceived()).isEqualTo(1);
    assertThat(pair.bytesReceived()).isEqualTo(3);
    assertThat(pair.lastPacketSentTimestamp()).isEqualTo(sent);
    assertThat(pair.lastPacketReceivedTimestamp()).isEqualTo(received);
  }

  @Test
  void whatTheRuntimeCouldNotSendCountsAsDiscardedAndNotAsSent() {
    Encounter scene = new Encounter(Role.CONTROLLING).completed();
    scene.send();
    scene.send();
    scene.agent.agent().handleDiscarded(0, 1, 1);
    PairStatistics pair = scene.pairTo(THERE);
    assertThat(pair.packetsSent()).isEqualTo(1);
    assertThat(pair.bytesSent()).isEqualTo(1);
    assertThat(pair.packetsDiscardedOnSend()).isEqualTo(1);
    assertThat(pair.bytesDiscardedOnSend()).isEqualTo(1);
  }

  @Test
  void candidatesNameTheirUfragTheirServerAndTheirInterface() {
    VirtualTime time = new VirtualTime();
    AgentHarness agent = new AgentHarness(
        time,
        AgentHarness.settings(Role.CONTROLLING)
            .stunServers(List.of(new StunServer("stun.example", 3479)))
            .build());
    agent.name("stun.example", "198.51.100.1");
    ScriptedStunServer server =
        new ScriptedStunServer(agent, TransportAddress.udp("198.51.100.1", 3479));
    server.answer(Duration.ofMillis(10), from -> TransportAddress.udp("203.0.113.5", from.port()));
    agent.call(now -> agent.agent().addStream(1, now));
    agent.interfaces("10.0.0.1");
    time.runFor(Duration.ofSeconds(1));
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce();
    peer.tell(peer.host("192.0.2.9", 4000));
    IceStatistics statistics = agent.agent().statistics();
    String ufrag = agent.agent().localParameters(0).ufrag();
    assertThat(statistics.localCandidates())
        .extracting(
            each -> each.candidate().type(),
            CandidateStatistics::usernameFragment,
            CandidateStatistics::url,
            CandidateStatistics::networkInterface)
        .containsExactly(
            tuple(CandidateType.HOST, ufrag, null, "eth0"),
            tuple(CandidateType.SERVER_REFLEXIVE, ufrag, "stun:stun.example:3479", "eth0"));
    assertThat(statistics.remoteCandidates())
        .extracting(
            CandidateStatistics::usernameFragment,
            CandidateStatistics::url,
            CandidateStatistics::networkInterface)
        .containsExactly(tuple(ScriptedPeer.UFRAG, null, null));
  }

  @Test
  @Tag("ICE-3940")
  void hintOfLibwebrtcAboutThePeersNetworkIsShownAndChangesNothingElse() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    assertThat(scene.pairTo(THERE).remoteNetwork()).isNull();
    int hint = 0xFFFE << 16 | 900;
    scene
        .fromThere()
        .role(Role.CONTROLLING, 1)
        .with(builder -> builder.put(AttributeType.GOOG_NETWORK_INFO, hint))
        .send();
    assertThat(scene.pairTo(THERE).remoteNetwork()).isEqualTo(new NetworkHint(0xFFFE, 900));
    scene.fromThere().role(Role.CONTROLLING, 1).send(); // without it the last one stays
    scene
        .fromThere()
        .role(Role.CONTROLLING, 1)
        .with(builder -> builder.put(
            AttributeType.ofBytes(0xC057, "GOOG-NETWORK-INFO", 0, 100), ByteBuffer.allocate(2)))
        .send(); // malformed, and still answered
    assertThat(scene.pairTo(THERE).remoteNetwork()).isEqualTo(new NetworkHint(0xFFFE, 900));
    assertThat(scene.pairTo(THERE).responsesSent()).isEqualTo(3);
  }
}
