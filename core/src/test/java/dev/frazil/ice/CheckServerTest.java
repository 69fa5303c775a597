package dev.frazil.ice;

import static dev.frazil.ice.Encounter.THERE;
import static dev.frazil.ice.Encounter.errorOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** How an agent answers checks (RFC 8445 7.3). */
class CheckServerTest {
  private static StunMessage success(StunMessage response) {
    assertThat(response).isNotNull();
    assertThat(response.is(MessageClass.SUCCESS, Method.BINDING))
        .as(response.toString())
        .isTrue();
    return response;
  }

  @Test
  @Tag("ICE-2100")
  void everySocketAnswers() {
    Encounter scene =
        new Encounter(AgentHarness.settings(Role.CONTROLLED), 2, "192.0.2.1", "2001:db8::1");
    scene.peer.introduce();
    assertThat(scene.agent.bases()).hasSize(4);
    for (TransportAddress base : scene.agent.bases()) {
      TransportAddress from = TransportAddress.udp(
          base.ip().isIpv4() ? "192.0.2.9" : "2001:db8::9", 4000 + base.port());
      StunMessage response =
          success(scene.peer.request(from, base).role(Role.CONTROLLING, 1).send());
      assertThat(response.get(AttributeType.XOR_MAPPED_ADDRESS)).isEqualTo(from);
      AgentHarness.Sent sent = scene.agent.sent().get(scene.agent.sent().size() - 1);
      assertThat(sent.path()).isEqualTo(new FiveTuple(base, from));
    }
  }

  @Test
  @Tag("ICE-2110")
  void requestWithoutUsernameOrIntegrityIsAnsweredWith400AndChangesNothing() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    int pairs = scene.pairs().size();
    TransportAddress elsewhere = TransportAddress.udp("192.0.2.77", 7);
    for (ScriptedPeer.Request request : new ScriptedPeer.Request[] {
      scene.from(elsewhere).key(null), scene.from(elsewhere).username(null)
    }) {
      StunMessage response = Objects.requireNonNull(
          request.role(Role.CONTROLLING, 1).useCandidate().send());
      assertThat(errorOf(response)).isEqualTo(400);
      assertThat(response.hasIntegrity()).isFalse();
    }
    assertThat(scene.pairs()).hasSize(pairs);
    assertThat(scene.remotes()).hasSize(1);
    assertThat(scene.dropped(DropReason.BAD_REQUEST)).isEqualTo(2);
  }

  /** Regression "check without MESSAGE-INTEGRITY": USE-CANDIDATE without integrity selects nothing. */
  @Test
  @Tag("ICE-2110")
  void unprotectedNominationSelectsNothing() {
    Encounter scene = new Encounter(Role.CONTROLLED).answering().introduced();
    scene.runMillis(100);
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.SUCCEEDED);
    assertThat(errorOf(
            scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().key(null).send()))
        .isEqualTo(400);
    scene.runMillis(1000);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
    scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  @Test
  @Tag("ICE-2110")
  void wrongUsernameOrPasswordIsAnsweredWith401AndChangesNothing() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    TransportAddress elsewhere = TransportAddress.udp("192.0.2.77", 7);
    IntegrityKey wrong = IntegrityKey.shortTerm("x".repeat(24));
    for (ScriptedPeer.Request request : new ScriptedPeer.Request[] {
      scene.from(elsewhere).key(wrong), scene.from(elsewhere).username("nobody:" + "PEER")
    }) {
      StunMessage response = Objects.requireNonNull(
          request.role(Role.CONTROLLING, 1).useCandidate().send());
      assertThat(errorOf(response)).isEqualTo(401);
      assertThat(response.hasIntegrity()).isFalse();
    }
    assertThat(scene.remotes()).hasSize(1);
    assertThat(scene.dropped(DropReason.UNAUTHENTICATED)).isEqualTo(2);
  }

  @Test
  @Tag("ICE-2120")
  void usernameIsOursBeforeTheFirstColonAndAnythingBehind() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    String own = scene.agent.agent().localParameters(0).ufrag();
    assertThat(errorOf(scene.fromThere().username(own + ":anything").send())).isZero();
    assertThat(errorOf(scene.fromThere().username(own + ":two:colons").send())).isZero();
    assertThat(errorOf(scene.fromThere().username(own + ":").send())).isZero();
    assertThat(errorOf(scene.fromThere().username(own).send())).isEqualTo(401);
    assertThat(errorOf(scene.fromThere().username("other:" + own).send())).isEqualTo(401);
    assertThat(errorOf(scene.fromThere().username(":" + own).send())).isEqualTo(401);
    assertThat(errorOf(scene.fromThere().username(own.substring(1) + ":PEER").send()))
        .isEqualTo(401);
  }

  /** Regression "USERNAME over 763 bytes": no exception, no answer but 400. */
  @Test
  void overlongUsernameIsRefused() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    String own = scene.agent.agent().localParameters(0).ufrag();
    ByteBuffer out = ByteBuffer.allocate(2048);
    TransactionId id = TransactionId.random(new Random(1));
    byte[] username =
        (own + ":" + "x".repeat(1000)).getBytes(java.nio.charset.StandardCharsets.UTF_8);
    AttributeType<ByteBuffer> raw = AttributeType.ofBytes(0x0006, "USERNAME", 0, 2000);
    scene.agent.receive(
        new FiveTuple(scene.agent.base(), THERE),
        StunBuilder.request(Method.BINDING, id, out)
            .put(raw, ByteBuffer.wrap(username))
            .put(AttributeType.PRIORITY, 1)
            .integrity(scene.agentKey())
            .fingerprint()
            .finish());
    assertThat(errorOf(scene.peer.responseTo(id))).isEqualTo(400);
  }

  @Test
  @Tag("ICE-2130")
  void checksBeforeThePeersParametersAreAnsweredAtOnceAndFollowedUpLater() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    for (int i = 0; i < 3; i++) {
      success(scene
          .from(TransportAddress.udp("192.0.2.9", 4000 + i))
          .role(Role.CONTROLLING, 1)
          .send());
    }
    assertThat(scene.pairs()).isEmpty();
    scene.runMillis(1000);
    assertThat(scene.peer.checks()).isEmpty();
    scene.peer.introduce();
    scene.runMillis(100);
    assertThat(scene.peer.checks().stream().map(check -> check.to().port()))
        .containsExactly(4000, 4001, 4002);
    assertThat(scene.pairs())
        .hasSize(3)
        .allMatch(pair -> pair.remote().type() == CandidateType.PEER_REFLEXIVE);
  }

  @Test
  @Tag("ICE-2130")
  void nominationBeforeThePeersParametersIsRemembered() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    success(scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send());
    success(scene.fromThere().role(Role.CONTROLLING, 1).send());
    scene.answering().peer.introduce();
    scene.runMillis(100);
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.COMPLETED);
  }

  /** Regression "checks before credentials are known": the queue is bounded, however many come. */
  @Test
  @Tag("ICE-2130")
  void floodOfEarlyChecksIsAnsweredButNotKept() {
    Encounter scene = new Encounter(Role.CONTROLLED);
    for (int i = 0; i < 10_000; i++) {
      scene
          .from(TransportAddress.udp("192.0.2.9", 1024 + i))
          .role(Role.CONTROLLING, 1)
          .post();
    }
    assertThat(scene.agent.sent())
        .hasSize(10_000)
        .allMatch(sent -> sent.message().messageClass() == MessageClass.SUCCESS);
    assertThat(scene.dropped(DropReason.TABLE_FULL)).isGreaterThanOrEqualTo(9_900);
    scene.peer.introduce();
    assertThat(scene.pairs()).hasSizeLessThanOrEqualTo(100);
  }

  @Test
  @Tag("ICE-2140")
  void requestWithoutCookieIsNotAnswered() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    int before = scene.agent.sent().size();
    ByteBuffer request = scene.fromThere().role(Role.CONTROLLING, 1).bytes();
    request.putInt(4, 0x12345678);
    scene.agent.receive(new FiveTuple(scene.agent.base(), THERE), request);
    ByteBuffer classic = ByteBuffer.allocate(20);
    classic.putShort(0, (short) 1).putLong(4, 7);
    scene.agent.receive(new FiveTuple(scene.agent.base(), THERE), classic);
    assertThat(scene.agent.sent()).hasSize(before);
    assertThat(scene.agent.delivered()).isEmpty();
  }

  @Test
  @Tag("ICE-2140")
  void noAnswerSendsAnybodyElsewhere() {
    Encounter scene = new Encounter(Role.CONTROLLED).completed();
    scene.fromThere().key(null).send();
    scene.fromThere().username("x:y").send();
    scene.fromThere().send();
    assertThat(scene.agent.sent())
        .noneMatch(
            sent -> sent.message() != null && sent.message().has(AttributeType.ALTERNATE_SERVER));
  }

  @Test
  @Tag("ICE-2150")
  void requestWithoutOrWithWrongFingerprintIsNotAnswered() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    assertThat(scene.fromThere().withoutFingerprint().send()).isNull();
    ScriptedPeer.Request spoilt = scene.fromThere();
    ByteBuffer bytes = spoilt.bytes();
    bytes.put(bytes.limit() - 1, (byte) ~bytes.get(bytes.limit() - 1));
    scene.agent.receive(new FiveTuple(scene.agent.base(), THERE), bytes);
    assertThat(scene.peer.responseTo(spoilt.id())).isNull();
    assertThat(scene.agent.delivered()).isEmpty(); // nor data: the sender is nobody yet
  }

  @Test
  @Tag("ICE-2150")
  void successHasMappedAddressIntegrityAndFingerprintOnly() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    StunMessage response = success(scene.fromThere().role(Role.CONTROLLING, 1).send());
    assertThat(response.verifyIntegrity(scene.agentKey())).isTrue();
    assertThat(response.hasValidFingerprint()).isTrue();
    assertThat(response.toString()).endsWith(" XOR-MAPPED-ADDRESS MESSAGE-INTEGRITY FINGERPRINT");
  }

  @Test
  @Tag("ICE-2160")
  void roleConflictLeavesNoTraceButTheError() {
    Encounter scene = new Encounter(Role.CONTROLLING).introduced();
    TransportAddress elsewhere = TransportAddress.udp("192.0.2.77", 7);
    StunMessage response =
        scene.from(elsewhere).role(Role.CONTROLLING, 0).useCandidate().send();
    assertThat(errorOf(response)).isEqualTo(487);
    assertThat(scene.remotes()).hasSize(1);
    assertThat(scene.pairs()).hasSize(1);
    scene.runMillis(500);
    assertThat(scene.peer.checksTo(elsewhere)).isEmpty();
    scene.data(elsewhere, 1, 2, 3);
    assertThat(scene.agent.delivered()).isEmpty();
  }

  @Test
  @Tag("ICE-2350")
  void requestWithBothRolesOrNoPriorityIsBad() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    StunMessage both = Objects.requireNonNull(scene
        .fromThere()
        .role(Role.CONTROLLING, 1)
        .with(builder -> builder.put(AttributeType.ICE_CONTROLLED, 2L))
        .send());
    assertThat(errorOf(both)).isEqualTo(400);
    assertThat(both.verifyIntegrity(scene.agentKey())).isTrue();
    assertThat(
            errorOf(scene.fromThere().role(Role.CONTROLLING, 1).priority(null).send()))
        .isEqualTo(400);
    assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 1).priority(0).send()))
        .isEqualTo(400);
    assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 1).priority(-1).send()))
        .isEqualTo(400);
    assertThat(errorOf(scene.fromThere().role(null, 0).send())).isZero();
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
  }

  @Test
  @Tag("ICE-2350")
  void roleAttributeThatCannotBeReadIsBad() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    AttributeType<Integer> tooShort = AttributeType.ofInteger(0x8029, "ICE-CONTROLLED");
    StunMessage response = scene
        .fromThere()
        .role(null, 0)
        .with(builder -> builder.put(tooShort, 1))
        .send();
    assertThat(errorOf(response)).isEqualTo(400);
    assertThat(scene.agent.agent().role()).isEqualTo(Role.CONTROLLED);
  }

  @Test
  void anAttributeThatMustBeUnderstoodIsNamedInA420() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    AttributeType<Integer> unknown = AttributeType.ofInteger(0x7abc, "UNKNOWN");
    StunMessage response = Objects.requireNonNull(scene
        .fromThere()
        .role(Role.CONTROLLING, 1)
        .with(builder -> builder.put(unknown, 1))
        .send());
    assertThat(errorOf(response)).isEqualTo(420);
    assertThat(response.get(AttributeType.UNKNOWN_ATTRIBUTES)).containsExactly(0x7abc);
    assertThat(response.verifyIntegrity(scene.agentKey())).isTrue();
  }

  @Test
  void hundredsOfAttributesThatMustBeUnderstoodDoNotOverflowTheAnswer() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    StunMessage response = Objects.requireNonNull(scene
        .fromThere()
        .role(Role.CONTROLLING, 1)
        .with(builder -> {
          for (int i = 0; i < 300; i++) {
            builder.flag(AttributeType.ofFlag(0x7000 + i, "UNKNOWN"));
          }
          return builder;
        })
        .send());
    assertThat(errorOf(response)).isEqualTo(420);
    assertThat(response.bytes().remaining()).isLessThanOrEqualTo(548);
    assertThat(response.get(AttributeType.UNKNOWN_ATTRIBUTES)).startsWith(0x7000, 0x7001);
  }

  @Test
  @Tag("ICE-3950")
  void attributesOfLibwebrtcAreIgnored() {
    Encounter scene = new Encounter(Role.CONTROLLED).introduced();
    success(scene
        .fromThere()
        .role(Role.CONTROLLING, 1)
        .with(builder -> {
          for (int code : new int[] {
            0xC057, 0xC058, 0xC059, 0xC05A, 0xC05B, 0xC05C, 0xC05D, 0xC05E, 0xC060, 0xC070, 0xC071
          }) {
            builder.put(
                AttributeType.ofBytes(code, "GOOG", 0, 100), ByteBuffer.wrap(new byte[code % 9]));
          }
          return builder;
        })
        .send());
    assertThat(scene.stateOf(THERE)).isEqualTo(PairState.WAITING);
    scene.runMillis(20);
    assertThat(scene.peer.checksTo(THERE)).isNotEmpty();
  }

  @Test
  @Tag("ICE-3960")
  void shortPingsOfLibwebrtcAreDroppedInSilence() {
    Encounter scene = new Encounter(Role.CONTROLLED).completed();
    int sent = scene.agent.sent().size();
    for (MessageClass each :
        new MessageClass[] {MessageClass.REQUEST, MessageClass.SUCCESS, MessageClass.ERROR}) {
      StunBuilder ping = StunBuilder.message(
          each, Method.GOOG_PING, TransactionId.random(new Random(3)), ByteBuffer.allocate(100));
      ping.put(AttributeType.GOOG_MESSAGE_INTEGRITY_32, 0x1234);
      scene.agent.receive(new FiveTuple(scene.agent.base(), THERE), ping.finish());
    }
    assertThat(scene.agent.sent()).hasSize(sent);
    assertThat(scene.agent.delivered()).isEmpty();
    assertThat(scene.dropped(DropReason.UNEXPECTED_STUN)).isEqualTo(3);
    assertThat(scene.agent.sent())
        .noneMatch(
            each -> each.message() != null && each.message().has(AttributeType.GOOG_MISC_INFO));
  }

  @Test
  @Tag("ICE-2510")
  void nominationOfAPathThatMayNotBeUsedIsRefused() {
    Encounter scene = new Encounter(AgentHarness.settings(Role.CONTROLLED)
            .nominationFilter(path -> !path.remote().equals(THERE)))
        .answering()
        .introduced();
    scene.runMillis(100);
    assertThat(errorOf(scene.fromThere().role(Role.CONTROLLING, 1).send())).isZero();
    StunMessage response = Objects.requireNonNull(
        scene.fromThere().role(Role.CONTROLLING, 1).useCandidate().send());
    assertThat(errorOf(response)).isEqualTo(400);
    assertThat(response.verifyIntegrity(scene.agentKey())).isTrue();
    assertThat(scene.agent.agent().state()).isEqualTo(IceState.CONNECTED);
  }
}
