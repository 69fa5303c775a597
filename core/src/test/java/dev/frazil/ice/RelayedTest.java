package dev.frazil.ice;

import static dev.frazil.ice.ScriptedRelay.MAPPED;
import static dev.frazil.ice.ScriptedRelay.RELAYED;
import static dev.frazil.ice.ScriptedRelay.USER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Relayed candidates (RFC 8445 5.1.1.2): gathering them, checks, data, permissions and channels, and their end. */
class RelayedTest {
  private static final TransportAddress THERE = TransportAddress.udp("198.51.100.9", 4000);
  private static final String SERVER = "192.0.2.250";

  /** An agent at 192.0.2.1, a TURN server and a peer. */
  private static final class Scene {
    final VirtualTime time = new VirtualTime();
    final AgentHarness agent;
    final ScriptedPeer peer;
    final ScriptedRelay relay;

    Scene(IceConfiguration.Builder settings) {
      agent = new AgentHarness(time, settings.turnServers(List.of(turn(SERVER))).build());
      agent.call(now -> agent.agent().addStream(1, now));
      peer = new ScriptedPeer(agent, 0);
      relay = new ScriptedRelay(agent, SERVER);
    }

    Scene() {
      this(AgentHarness.settings(Role.CONTROLLING));
    }

    Scene gathered() {
      agent.interfaces("192.0.2.1");
      runMillis(200);
      return this;
    }

    /** The peer answers what comes from the relay, 20 ms later, and nothing else. */
    Scene answering() {
      peer.answerWhen(check -> check.path().local().equals(RELAYED), Duration.ofMillis(20));
      return this;
    }

    Scene introduced(Candidate... candidates) {
      peer.introduce();
      peer.tell(candidates);
      peer.tellEnd();
      return this;
    }

    /** Connected through the relay, nominated and completed. */
    Scene completed() {
      gathered().answering().introduced(host());
      runUntil(IceState.COMPLETED);
      return this;
    }

    Candidate host() {
      return peer.host("198.51.100.9", 4000);
    }

    void runMillis(long millis) {
      time.runFor(Duration.ofMillis(millis));
    }

    void runUntil(IceState state) {
      assertThat(time.runUntil(() -> agent.agent().state() == state, Duration.ofMinutes(1)))
          .as("%s", agent.agent())
          .isTrue();
    }

    List<Candidate> gathered(CandidateType type) {
      return agent.gathered().stream().filter(each -> each.type() == type).toList();
    }

    List<ScriptedPeer.Check> relayedChecks() {
      return peer.checks().stream()
          .filter(check -> check.path().local().equals(RELAYED))
          .toList();
    }

    PairState relayedPair() {
      return agent.agent().statistics().pairs().stream()
          .filter(pair -> pair.local().type() == CandidateType.RELAYED)
          .findFirst()
          .orElseThrow()
          .state();
    }

    List<StunMessage> refreshes(int lifetime) {
      return relay.requests(Method.REFRESH).stream()
          .map(ScriptedRelay.Request::message)
          .filter(message -> message.intValue(AttributeType.LIFETIME, 600) == lifetime)
          .toList();
    }
  }

  private static TurnServer turn(String host) {
    return TurnServer.udp(host, TurnServer.DEFAULT_PORT, USER);
  }

  // gathering

  @Test
  @Tag("ICE-0450")
  @Tag("ICE-0490")
  void anAuthenticatedAllocateGivesARelayedAndAServerReflexiveCandidate() {
    Scene scene = new Scene().gathered();
    assertThat(scene.relay.requests())
        .filteredOn(request -> request.is(Method.ALLOCATE))
        .extracting(ScriptedRelay.Request::authentic)
        .containsExactly(false, true);
    assertThat(scene.gathered(CandidateType.RELAYED)).singleElement().satisfies(candidate -> {
      assertThat(candidate.address()).isEqualTo(RELAYED);
      assertThat(candidate.related()).isEqualTo(MAPPED);
      assertThat(candidate.priority()).isEqualTo(Candidate.priority(0, 65535, 1));
    });
    assertThat(scene.gathered(CandidateType.SERVER_REFLEXIVE))
        .singleElement()
        .satisfies(candidate -> assertThat(candidate.address()).isEqualTo(MAPPED));
    assertThat(scene.agent.gathered()).extracting(Candidate::foundation).doesNotHaveDuplicates();
    assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
    assertThat(scene.agent.agent().statistics().localCandidates())
        .filteredOn(each -> each.candidate().type() == CandidateType.RELAYED)
        .extracting(IceStatistics.CandidateStatistics::url)
        .containsExactly("turn:192.0.2.250:3478?transport=udp");
  }

  @ParameterizedTest
  @ValueSource(ints = {ErrorCode.INSUFFICIENT_CAPACITY, ErrorCode.ALLOCATION_QUOTA_REACHED})
  @Tag("ICE-0500")
  void aServerWithoutRoomIsAskedForAReflexiveAddressInstead(int code) {
    Scene scene = new Scene();
    scene.relay.refuse(Method.ALLOCATE, code);
    scene.gathered();
    assertThat(scene.relay.requests(Method.BINDING)).hasSize(1);
    assertThat(scene.gathered(CandidateType.RELAYED)).isEmpty();
    assertThat(scene.gathered(CandidateType.SERVER_REFLEXIVE))
        .singleElement()
        .satisfies(candidate -> assertThat(candidate.address()).isEqualTo(MAPPED));
    assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
  }

  @Test
  @Tag("ICE-0530")
  void relayedAddressThatIsAHostCandidateIsDiscarded() {
    Scene scene = new Scene();
    scene.relay.relayedAddress = TransportAddress.udp("192.0.2.1", 10001);
    scene.gathered();
    assertThat(scene.gathered(CandidateType.HOST))
        .extracting(Candidate::address)
        .containsExactly(scene.relay.relayedAddress);
    assertThat(scene.gathered(CandidateType.RELAYED)).isEmpty();
    assertThat(scene.refreshes(0)).as("given back").hasSize(1);
    assertThat(scene.agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
  }

  @Test
  void serverThatDoesNotAnswerDelaysNoCandidateAndNoCheck() {
    IceConfiguration.Builder settings = AgentHarness.settings(Role.CONTROLLING);
    VirtualTime time = new VirtualTime();
    AgentHarness agent = new AgentHarness(
        time, settings.turnServers(List.of(turn("192.0.2.251"), turn(SERVER))).build());
    agent.call(now -> agent.agent().addStream(1, now));
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    new ScriptedRelay(agent, SERVER);
    agent.interfaces("192.0.2.1");
    peer.introduce();
    peer.tell(peer.host("198.51.100.9", 4000));
    time.runFor(Duration.ofMillis(200));
    assertThat(agent.gathered())
        .extracting(Candidate::type)
        .containsExactly(CandidateType.HOST, CandidateType.SERVER_REFLEXIVE, CandidateType.RELAYED);
    assertThat(peer.checks()).extracting(check -> check.path().local()).contains(RELAYED);
    assertThat(agent.events(IceEvent.GatheringComplete.class)).isEmpty();
    time.runFor(Duration.ofSeconds(5));
    assertThat(agent.events(IceEvent.GatheringComplete.class)).hasSize(1);
  }

  @Test
  void liteAgentAsksNoTurnServer() {
    Scene scene = new Scene(AgentHarness.settings(Role.CONTROLLED).lite(true)).gathered();
    assertThat(scene.agent.sent()).isEmpty();
  }

  // checks

  @Test
  @Tag("ICE-1910")
  void permissionForAllPeersLeavesJustBeforeTheFirstCheckAndIsKept() {
    Scene scene = new Scene();
    scene.relay.delay = Duration.ofMillis(100);
    scene.agent.interfaces("192.0.2.1");
    scene.runMillis(500);
    scene.peer.introduce();
    scene.agent.sent().clear();
    scene.peer.tell(scene.host(), scene.peer.host("198.51.100.10", 4000));
    scene.runMillis(50); // no answer has come yet
    int permission = index(scene, message -> message.method() == Method.CREATE_PERMISSION);
    int check = index(scene, message -> message.method() == Method.SEND);
    assertThat(check).isEqualTo(permission + 1);
    assertThat(scene.agent.sent().get(check).time())
        .isEqualTo(scene.agent.sent().get(permission).time());
    scene.runMillis(150);
    assertThat(scene.relay.requests(Method.CREATE_PERMISSION))
        .singleElement()
        .satisfies(request ->
            assertThat(request.peers()).containsExactlyInAnyOrder("198.51.100.9", "198.51.100.10"));
    long first = scene.relay.requests(Method.CREATE_PERMISSION).get(0).time();
    scene.time.runFor(Duration.ofSeconds(299));
    assertThat(scene.relay.requests(Method.CREATE_PERMISSION))
        .as("refreshed")
        .anyMatch(request -> request.time() > first
            && request.time() < first + Duration.ofSeconds(300).toNanos());
  }

  private static int index(Scene scene, Predicate<StunMessage> matching) {
    List<AgentHarness.Sent> sent = scene.agent.sent();
    for (int i = 0; i < sent.size(); i++) {
      StunMessage message = sent.get(i).message();
      if (message != null && matching.test(message)) {
        return i;
      }
    }
    throw new AssertionError("nothing like it was sent");
  }

  @Test
  void privatePeersAreAskedForApartSinceServersDenyThem() {
    Scene scene = new Scene().gathered();
    scene.introduced(scene.host(), scene.peer.host("192.168.1.5", 4000));
    scene.runMillis(300);
    assertThat(scene.relay.requests(Method.CREATE_PERMISSION))
        .extracting(ScriptedRelay.Request::peers)
        .containsExactlyInAnyOrder(List.of("198.51.100.9"), List.of("192.168.1.5"));
  }

  @Test
  void refusedPermissionFailsThePair() {
    Scene scene = new Scene();
    scene.relay.refuse(Method.CREATE_PERMISSION, ErrorCode.FORBIDDEN);
    scene.gathered().introduced(scene.host());
    scene.runMillis(300);
    assertThat(scene.relayedPair()).isEqualTo(PairState.FAILED);
    int checks = scene.relay.relayed().size();
    scene.runMillis(10_000);
    assertThat(scene.relay.relayed()).hasSize(checks);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @Tag("ICE-2400")
  void checkThroughTheRelayIsAnsweredWithThePeersAddress(boolean byChannel) {
    Scene scene = new Scene().completed();
    scene.runMillis(100);
    scene.relay.answersByChannel = byChannel;
    assertThat(answer(scene).get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(THERE);
  }

  /** What the agent answers, through the relay, to a check that comes through the relay. */
  private static StunMessage answer(Scene scene) {
    ScriptedPeer.Request request = scene.peer.request(THERE, RELAYED).role(Role.CONTROLLED, 1);
    request.post();
    return scene.relay.relayed().stream()
        .filter(each -> each.peer().equals(THERE))
        .map(each -> StunMessage.tryParse(each.payload()))
        .filter(message -> message != null && message.transactionId().equals(request.id()))
        .findFirst()
        .orElseThrow();
  }

  @Test
  @Tag("ICE-1920")
  @Tag("ICE-3230")
  void channelIsBoundOnceTheRelayedPairIsSelectedAndNotBefore() {
    Scene scene = new Scene().gathered().answering();
    scene.introduced(scene.host());
    scene.runUntil(IceState.CONNECTED);
    for (int i = 0; i < 50; i++) {
      send(scene);
    }
    scene.runMillis(1);
    assertThat(scene.relay.requests(Method.CHANNEL_BIND)).isEmpty();
    assertThat(scene.relay.relayed()).noneMatch(ScriptedRelay.Relayed::byChannel);
    scene.runUntil(IceState.COMPLETED);
    scene.runMillis(50);
    assertThat(scene.relay.requests(Method.CHANNEL_BIND))
        .singleElement()
        .satisfies(request ->
            assertThat(request.message().get(AttributeType.XOR_PEER_ADDRESS)).isEqualTo(THERE));
    send(scene);
    ScriptedRelay.Relayed last = scene.relay.relayed().get(scene.relay.relayed().size() - 1);
    assertThat(last.byChannel()).isTrue();
    assertThat(last.payload().get(0)).isEqualTo((byte) 42);
  }

  private static void send(Scene scene) {
    scene.agent.call(now -> assertThat(
            scene.agent.agent().send(0, 1, ByteBuffer.wrap(new byte[] {42}), now))
        .isEqualTo(SendResult.SENT));
  }

  @Test
  void dataFromThePeerIsUnwrappedAndAllElseFromTheServersAddressIsNot() {
    Scene scene = new Scene().completed();
    scene.runMillis(100);
    scene.relay.answersByChannel = true;
    scene.agent.receive(new FiveTuple(RELAYED, THERE), ByteBuffer.wrap(new byte[] {7, 8}));
    scene.relay.answersByChannel = false;
    scene.agent.receive(new FiveTuple(RELAYED, THERE), ByteBuffer.wrap(new byte[] {9}));
    assertThat(scene.agent.delivered())
        .extracting(each -> each.payload().get(0))
        .containsExactly((byte) 7, (byte) 9);
    TransportAddress server = TransportAddress.udp(SERVER, 3478);
    FiveTuple direct = new FiveTuple(scene.agent.bases().get(0), server);
    scene.agent.receive(direct, ByteBuffer.wrap(new byte[] {(byte) 0x80, 1, 2, 3, 4}));
    assertThat(scene.agent.agent().statistics().dropped())
        .containsEntry(DropReason.UNKNOWN_SENDER, 1L);
  }

  @Test
  void directPairIsGivenASecondCheckBeforeARelayIsNominated() {
    Scene scene = new Scene().gathered().answering();
    scene.introduced(scene.host());
    scene.runUntil(IceState.CONNECTED);
    long direct = scene.peer.checks().stream()
        .filter(check -> !check.path().local().equals(RELAYED))
        .findFirst()
        .orElseThrow()
        .time();
    scene.runUntil(IceState.COMPLETED);
    long nominated = scene.relayedChecks().stream()
        .filter(ScriptedPeer.Check::nominates)
        .findFirst()
        .orElseThrow()
        .time();
    assertThat(nominated - direct)
        .isBetween(Duration.ofMillis(510).toNanos(), Duration.ofMillis(600).toNanos());
  }

  // the end

  @Test
  void allocationThatTheSelectedPairDoesNotUseIsGivenBack() {
    Scene scene = new Scene().gathered();
    scene.peer.answerWhen(check -> true, Duration.ofMillis(20));
    scene.introduced(scene.host());
    scene.runUntil(IceState.COMPLETED);
    assertThat(scene.refreshes(0)).isEmpty();
    scene.runMillis(41_000);
    assertThat(scene.refreshes(0)).hasSize(1);
    assertThat(scene.agent.bases()).as("the socket stays").hasSize(1);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  void allocationInUseKeepsItsSocketAndItsPermissionOnly() {
    Scene scene = new Scene().completed();
    scene.time.runFor(Duration.ofMinutes(6));
    // nothing answers consent checks but the peer, which goes on: the path is still there
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
    assertThat(scene.refreshes(0)).isEmpty();
    assertThat(scene.relay.requests(Method.REFRESH)).as("by half of its life").isNotEmpty();
    assertThat(scene.agent.bases()).hasSize(1);
  }

  @Test
  void closingGivesTheAllocationBackBeforeTheSocketIsClosed() {
    Scene scene = new Scene().completed();
    scene.agent.call(scene.agent.agent()::close);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CLOSED);
    assertThat(scene.agent.bases()).hasSize(1);
    scene.runMillis(50);
    assertThat(scene.refreshes(0)).hasSize(1);
    assertThat(scene.agent.bases()).isEmpty();
    assertThat(scene.agent.agent().nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  void closingLingersNoLongerThanASecond() {
    Scene scene = new Scene().completed();
    scene.relay.silent = true;
    scene.agent.call(scene.agent.agent()::close);
    scene.runMillis(999);
    assertThat(scene.agent.bases()).hasSize(1);
    scene.runMillis(1);
    assertThat(scene.agent.bases()).isEmpty();
    assertThat(scene.agent.agent().nextTimeout()).isEqualTo(ProtocolMachine.NEVER);
  }

  @Test
  void restartTellsTheSameAllocationAgain() {
    Scene scene = new Scene().completed();
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    scene.runMillis(100);
    assertThat(scene.relay.requests(Method.ALLOCATE)).hasSize(1);
    assertThat(scene.gathered(CandidateType.RELAYED))
        .extracting(Candidate::address)
        .containsExactly(RELAYED, RELAYED);
    assertThat(scene.agent.agent().path(0, 1)).isEqualTo(new FiveTuple(RELAYED, THERE));
    scene.peer.credentials("NEWP", "anotherpasswordofthepeer");
    scene.introduced(scene.host());
    scene.runUntil(IceState.COMPLETED);
    assertThat(scene.agent.agent().path(0, 1)).isEqualTo(new FiveTuple(RELAYED, THERE));
  }

  @Test
  void restartAsksForAnAllocationThatWasGivenBack() {
    Scene scene = new Scene().gathered();
    scene.peer.answerWhen(check -> true, Duration.ofMillis(20));
    scene.introduced(scene.host());
    scene.runUntil(IceState.COMPLETED);
    scene.runMillis(41_000);
    scene.agent.call(now -> scene.agent.agent().restart(0, now));
    scene.runMillis(200);
    assertThat(scene.relay.requests(Method.ALLOCATE)).hasSize(2);
    assertThat(scene.gathered(CandidateType.RELAYED)).hasSize(2);
  }

  @Test
  void lostAllocationTakesItsPairsAlong() {
    Scene scene = new Scene().completed();
    scene.relay.refuse(Method.REFRESH, ErrorCode.ALLOCATION_MISMATCH);
    scene.time.runFor(Duration.ofMinutes(5));
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.FAILED);
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    assertThat(scene.agent.events(IceEvent.RestartAdvised.class)).hasSize(1);
  }

  @Test
  void vanishedAddressTakesItsAllocationAlong() {
    Scene scene = new Scene().completed();
    scene.agent.interfaces("192.0.2.7");
    assertThat(scene.agent.agent().path(0, 1)).isNull();
    assertThat(scene.agent.bases()).isEmpty();
    scene.runMillis(10_000);
    assertThat(scene.agent.sent())
        .noneMatch(
            sent -> sent.time() > scene.time.now() - Duration.ofSeconds(9).toNanos());
  }

  // relay only

  @Test
  void relayOnlyTellsNoOtherAddressAndSendsNothingElsewhere() {
    Scene scene = new Scene(
        AgentHarness.settings(Role.CONTROLLING).candidateTypes(Set.of(CandidateType.RELAYED)));
    scene.completed();
    assertThat(scene.agent.gathered()).singleElement().satisfies(candidate -> {
      assertThat(candidate.address()).isEqualTo(RELAYED);
      assertThat(candidate.related()).isNull();
    });
    TransportAddress socket = scene.agent.bases().get(0);
    assertThat(scene.peer.request(THERE, socket).send()).as("a direct check").isNull();
    scene.time.runFor(Duration.ofMinutes(1));
    assertThat(scene.agent.sent())
        .allMatch(sent -> sent.path().remote().equals(TransportAddress.udp(SERVER, 3478)));
    assertThat(scene.agent.agent().statistics().dropped())
        .containsEntry(DropReason.CANDIDATE_REFUSED, 1L);
  }

  // settings

  @Test
  void settingsAreCheckedAndHideThePassword() {
    assertThatThrownBy(() -> turn(""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("host");
    assertThatThrownBy(() -> TurnServer.udp("turn.example", 0, USER))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("port 0");
    assertThat(turn("2001:db8::1").toString())
        .isEqualTo("turn:[2001:db8::1]:3478?transport=udp")
        .doesNotContain(USER.password());
  }
}
