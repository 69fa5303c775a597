package dev.frazil.ice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What agents tell each other beside candidates: RFC 8445 5.3, RFC 8839 5.4 to 5.6. */
class IceParametersTest {
  private static final String PASSWORD = "a".repeat(22);

  private static IceParameters told(IceConfiguration.Builder settings) {
    return AgentHarness.started(new VirtualTime(), settings.build(), 1, "192.0.2.1")
        .agent()
        .localParameters(0);
  }

  @Test
  @Tag("ICE-0030")
  void parametersKeepWhatTheyAreGiven() {
    IceParameters parameters =
        new IceParameters("ufrag", PASSWORD, true, 20, Set.of("ice2", "rtp+ecn"));
    assertThat(parameters.ufrag()).isEqualTo("ufrag");
    assertThat(parameters.password()).isEqualTo(PASSWORD);
    assertThat(parameters.lite()).isTrue();
    assertThat(parameters.pacing()).isEqualTo(20);
    assertThat(parameters.options()).containsExactlyInAnyOrder("ice2", "rtp+ecn");
  }

  /** Regression: predictable identifiers. */
  @Test
  @Tag("ICE-0040")
  void credentialsAreRandomAndNeverRepeat() {
    Counting random = new Counting();
    Session session = new Session(
        IceConfiguration.builder(Role.CONTROLLING, random).build(),
        new AgentHarness(
            new VirtualTime(), AgentHarness.settings(Role.CONTROLLING).build()));
    IceStream stream = new IceStream(0, 1, session);
    Set<String> seen = new HashSet<>();
    random.bits = 0;
    int generations = 100_000;
    long characters = 0;
    int[] shortest = {256, 256};
    for (int i = 0; i < generations; i++) {
      Generation generation = new Generation(stream, i, random);
      assertThat(generation.ufrag).matches("[A-Za-z0-9+/]{4,32}");
      assertThat(generation.password).matches("[A-Za-z0-9+/]{22,256}");
      assertThat(seen.add(generation.ufrag)).isTrue();
      assertThat(seen.add(generation.password)).isTrue();
      characters += generation.ufrag.length() + generation.password.length();
      shortest[0] = Math.min(shortest[0], generation.ufrag.length());
      shortest[1] = Math.min(shortest[1], generation.password.length());
    }
    double bitsPerCharacter = (double) random.bits / characters;
    assertThat(bitsPerCharacter * shortest[0]).as("bits of a ufrag").isGreaterThanOrEqualTo(24);
    assertThat(bitsPerCharacter * shortest[1]).as("bits of a password").isGreaterThanOrEqualTo(128);
  }

  /** Counts what is drawn of a generator, in bits. */
  private static final class Counting implements RandomGenerator {
    private final Random source = new Random(3);
    private long bits;

    @Override
    public long nextLong() {
      bits += 64;
      return source.nextLong();
    }

    @Override
    public int nextInt(int bound) {
      assertThat(Integer.bitCount(bound)).as("a power of two draws evenly").isEqualTo(1);
      bits += Integer.numberOfTrailingZeros(bound);
      return source.nextInt(bound);
    }
  }

  @Test
  @Tag("ICE-0060")
  void everyAgentTellsIce2() {
    for (Role role : Role.values()) {
      assertThat(told(AgentHarness.settings(role)).options()).contains("ice2");
      assertThat(told(AgentHarness.settings(role).lite(true)).options()).contains("ice2");
      assertThat(told(AgentHarness.settings(role).trickle(false)).options())
          .containsExactly("ice2");
    }
  }

  @Test
  @Tag("ICE-0070")
  void whoeverDoesNotTellIce2MayNominateAggressively() {
    AgentHarness agent = AgentHarness.started(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLED).build(), 1, "192.0.2.1");
    Generation generation = new Generation(
        new IceStream(0, 1, new Session(AgentHarness.settings(Role.CONTROLLED).build(), agent)),
        0,
        new Random(1));
    generation.bind(new IceParameters("peer", PASSWORD, false, null, Set.of("ice2", "trickle")));
    assertThat(generation.peerMayBeAggressive()).isFalse();
    generation.bind(new IceParameters("peer", PASSWORD, false, null, Set.of("trickle")));
    assertThat(generation.peerMayBeAggressive()).isTrue();
    generation.bind(new IceParameters("peer", PASSWORD));
    assertThat(generation.peerMayBeAggressive()).isTrue();
  }

  @ParameterizedTest
  @Tag("ICE-0080")
  @CsvSource({"true, true, true", "true, false, false", "false, true, false", "false, false, false"
  })
  void anExtensionIsOnWhenBothToldIt(boolean ours, boolean theirs, boolean agreed) {
    AgentHarness agent = AgentHarness.started(
        new VirtualTime(),
        AgentHarness.settings(Role.CONTROLLING).renomination(ours).build(),
        1,
        "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce(new IceParameters(
        ScriptedPeer.UFRAG,
        ScriptedPeer.PASSWORD,
        false,
        10,
        theirs ? Set.of("ice2", "trickle", "renomination") : Set.of("ice2", "trickle")));
    assertThat(agent.agent().localParameters(0).has("renomination")).isEqualTo(ours);
    if (agreed) {
      agent.call(now -> agent.agent().nominate(0, 1, now));
    } else {
      assertThat(org.assertj.core.api.Assertions.catchThrowable(
              () -> agent.call(now -> agent.agent().nominate(0, 1, now))))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @ParameterizedTest
  @Tag("SIG-0540")
  @CsvSource({
    "3, 22, false",
    "4, 21, false",
    "4, 22, true",
    "256, 256, true",
    "257, 256, false",
    "256, 257, false"
  })
  void ufragAndPasswordHaveTheirLengths(int ufrag, int password, boolean fit) {
    String u = "a".repeat(ufrag);
    String p = "b".repeat(password);
    if (fit) {
      assertThat(new IceParameters(u, p).password()).isEqualTo(p);
    } else {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new IceParameters(u, p))
          .withMessageMatching("ice-(ufrag|pwd) of \\d+ characters: .*");
    }
  }

  @ParameterizedTest
  @Tag("SIG-0540")
  @CsvSource({"'abc-'", "'abc='", "'abc '", "'abc:'", "'abcé'"})
  void ufragAndPasswordHaveTheirCharactersAndPasswordsAreNotShown(String four) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new IceParameters(four, PASSWORD))
        .withMessageContaining("ice-ufrag \"" + four);
    String secret = "s".repeat(20) + four;
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new IceParameters("ufrag", secret))
        .withMessageContaining("ice-pwd")
        .withMessageNotContaining("sss");
    assertThat(new IceParameters("ufrag", PASSWORD).toString()).doesNotContain(PASSWORD);
  }

  @Test
  @Tag("SIG-0540")
  void ufragAndPasswordChangeTogetherOrNotAtAll() {
    AgentHarness agent = AgentHarness.started(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLING).build(), 1, "192.0.2.1");
    agent.call(now -> agent.agent().setRemote(0, new IceParameters("ufrag", PASSWORD), now));
    agent.call(now -> agent.agent().setRemote(0, new IceParameters("ufrag", PASSWORD), now));
    assertThat(agent.agent().generation(0)).isZero();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> agent
            .agent()
            .setRemote(
                0, new IceParameters("ufrag", PASSWORD + "b"), agent.time().now()))
        .withMessageContaining("ice-pwd");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> agent
            .agent()
            .setRemote(0, new IceParameters("other", PASSWORD), agent.time().now()))
        .withMessageContaining("ice-ufrag");
    assertThat(agent.agent().generation(0)).isZero();
  }

  /** Regression: a ufrag over 256 characters is refused, one of 256 makes checks that can be sent. */
  @Test
  @Tag("SIG-0550")
  void aUfragOf256CharactersIsTakenAndOursAreAtMost32() {
    AgentHarness agent = AgentHarness.started(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLING).build(), 1, "192.0.2.1");
    assertThat(agent.agent().localParameters(0).ufrag()).hasSizeLessThanOrEqualTo(32);
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.credentials("u".repeat(256), "p".repeat(256));
    peer.introduce();
    peer.tell(peer.host("192.0.2.9", 4000));
    peer.answer(peer.awaitCheck(1));
    assertThat(peer.awaitCheck(2).nominates()).isTrue();
  }

  @ParameterizedTest
  @Tag("SIG-0560")
  @Tag("ICE-1780")
  @CsvSource({"20, , 50", "20, 30, 30", "100, 20, 100", "20, 0, 20", "50, 50, 50"})
  void bothUseTheLargerPacing(int ours, Integer theirs, int used) {
    AgentHarness agent = AgentHarness.started(
        new VirtualTime(),
        AgentHarness.settings(Role.CONTROLLING)
            .pacing(ours)
            .pacer(Pacer.unlimited())
            .build(),
        1,
        "192.0.2.1");
    assertThat(agent.agent().localParameters(0).pacing()).isEqualTo(ours);
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce(new IceParameters(
        ScriptedPeer.UFRAG, ScriptedPeer.PASSWORD, false, theirs, Set.of("ice2", "trickle")));
    peer.tell(peer.host("192.0.2.7", 1), peer.host("192.0.2.8", 2), peer.host("192.0.2.9", 3));
    peer.awaitCheck(3);
    for (int i = 1; i < 3; i++) {
      assertThat(peer.checks().get(i).time() - peer.checks().get(i - 1).time())
          .isEqualTo(used * 1_000_000L);
    }
  }

  @Test
  @Tag("ICE-1780")
  void ofSeveralStreamsTheLargestPacingCounts() {
    AgentHarness agent = new AgentHarness(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLING).pacing(20).build());
    for (int stream = 0; stream < 2; stream++) {
      int index = stream;
      agent.call(now -> agent.agent().addStream(1, now));
      agent.call(now -> agent
          .agent()
          .setRemote(
              index,
              new IceParameters(
                  "PEER" + index,
                  ScriptedPeer.PASSWORD,
                  false,
                  index == 0 ? 200 : 30,
                  Set.of("ice2", "trickle")),
              now));
    }
    agent.interfaces("192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 1);
    peer.credentials("PEER1", ScriptedPeer.PASSWORD);
    peer.tell(peer.host("192.0.2.8", 1), peer.host("192.0.2.9", 2));
    assertThat(peer.awaitCheck(2).time() - peer.awaitCheck(1).time()).isEqualTo(200_000_000L);
  }

  @Test
  void durationsOutOfRangeAreRefused() {
    IceConfiguration.Builder settings = AgentHarness.settings(Role.CONTROLLING);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.gatheringLimit(Duration.ofDays(200_000)))
        .withMessageContaining("gatheringLimit");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.gatheringLimit(Duration.ZERO))
        .withMessageContaining("gatheringLimit");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.disconnectedAfter(Duration.ofSeconds(31)))
        .withMessageContaining("PT5S to PT30S");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> settings.keepaliveInterval(Duration.ofSeconds(14)))
        .withMessageContaining("PT15S");
  }

  @Test
  @Tag("SIG-0560")
  void liteAgentsTellNoPacingAndFullOnesDo() {
    assertThat(told(AgentHarness.settings(Role.CONTROLLED).lite(true)).pacing()).isNull();
    assertThat(told(AgentHarness.settings(Role.CONTROLLED)).pacing()).isEqualTo(10);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new IceParameters("ufrag", PASSWORD, false, -1, null))
        .withMessageContaining("ice-pacing \"-1\"");
  }

  @Test
  @Tag("ICE-1770")
  void anAgentThatTellsNoTaCountsAsTelling50Milliseconds() {
    assertThat(new IceParameters("ufrag", PASSWORD).pacingMillis()).isEqualTo(50);
    assertThat(IceParameters.DEFAULT_PACING).isEqualTo(50);
  }

  @Test
  @Tag("SIG-0570")
  void unknownOptionsDoNoHarm() {
    IceParameters parameters = new IceParameters(
        ScriptedPeer.UFRAG,
        ScriptedPeer.PASSWORD,
        false,
        10,
        Set.of("ice2", "trickle", "renomination", "rtp+ecn", "google-ice"));
    assertThat(parameters.has("rtp+ecn")).isTrue();
    assertThat(parameters.has("ecn")).isFalse();
    AgentHarness agent = AgentHarness.started(
        new VirtualTime(), AgentHarness.settings(Role.CONTROLLING).build(), 1, "192.0.2.1");
    ScriptedPeer peer = new ScriptedPeer(agent, 0);
    peer.introduce(parameters);
    peer.tell(peer.host("192.0.2.9", 4000));
    peer.awaitCheck(1);
  }
}
