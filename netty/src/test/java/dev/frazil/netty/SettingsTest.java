package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceState;
import dev.frazil.ice.IceStatistics;
import dev.frazil.ice.Pacer;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each setting: what it refuses, and that a session obeys it. */
class SettingsTest {
  private static final UnaryOperator<IceSessionBuilder> PLAIN = UnaryOperator.identity();

  private static IceRuntime runtime;

  @BeforeAll
  static void open() {
    runtime = IceRuntime.builder().pacer(Pacer.unlimited()).build();
  }

  @AfterAll
  static void close() {
    runtime.close();
  }

  private static Arguments session(
      Consumer<IceSessionBuilder> setting, String field, String value, String rule) {
    return Arguments.of(
        (Runnable) () -> setting.accept(IceSession.builder(runtime)), field, value, rule);
  }

  private static Arguments runtime(
      Consumer<IceRuntime.Builder> setting, String field, String value, String rule) {
    return Arguments.of((Runnable) () -> setting.accept(IceRuntime.builder()), field, value, rule);
  }

  private static Map<IpAddress, IpAddress> external(String local, String external) {
    return Map.of(IpAddress.parse(local), IpAddress.parse(external));
  }

  static Stream<Arguments> mistakes() {
    List<StunServer> seventeen = Collections.nCopies(17, new StunServer("192.0.2.1", 3478));
    Duration day = Duration.ofDays(1).plusNanos(1);
    return Stream.of(
        session(it -> it.streams(0), "streams", "0", "1 to 256"),
        session(it -> it.streams(257), "streams", "257", "1 to 256"),
        session(it -> it.components(0), "components", "0", "1 to 256"),
        session(it -> it.components(257), "components", "257", "1 to 256"),
        session(it -> it.stunServers(seventeen), "stunServers", "17", "0 to 16"),
        session(
            it -> it.turnServers(
                Collections.nCopies(17, TurnServer.udp("192.0.2.1", 3478, TurnServices.USER))),
            "turnServers",
            "17",
            "0 to 16"),
        session(
            it -> it.turnServer("stun:a.example", "u", "p"),
            "turnServer",
            "stun:a.example",
            "turns:"),
        session(
            it -> it.turnServer("turn:turn.example?transport=sctp", "u", "p"),
            "turnServer",
            "turn:turn.example?transport=sctp",
            "udp or tcp"),
        session(it -> it.turnServer("turn:host:0", "u", "p"), "port", "turn:host:0", "1 to 65535"),
        session(it -> it.pinnedCertificate(new byte[20]), "pinned certificate", "32", "20"),
        session(it -> it.pacing(4), "pacing", "4", "5 to 1000"),
        session(it -> it.pacing(1001), "pacing", "1001", "5 to 1000"),
        session(it -> it.maxPairs(0), "maxPairs", "0", "1 to 1000"),
        session(it -> it.candidateTypes(Set.of()), "candidateTypes", "", "at least one"),
        session(
            it -> it.externalAddresses(external("10.0.0.1", "2001:db8::1")),
            "externalAddresses",
            "10.0.0.1=2001:db8::1",
            "same family"),
        session(
            it -> it.externalAddresses(external("10.0.0.1", "224.0.0.1")),
            "externalAddresses",
            "10.0.0.1=224.0.0.1",
            "a host's address"),
        session(it -> it.portRange(0, 100), "portRange", "0-100", "1"),
        session(it -> it.portRange(200, 100), "port range", "200-100", "not empty"),
        session(it -> it.portRange(1, 65_536), "port range", "1-65536", "1-65535"),
        session(it -> it.receiveBufferSize(0), "receiveBufferSize", "0", "at least 1"),
        session(it -> it.sendBufferSize(-1), "sendBufferSize", "-1", "at least 1"),
        session(it -> it.maxDatagramSize(547), "maxDatagramSize", "547", "548 to 65507"),
        session(it -> it.maxDatagramSize(65_508), "maxDatagramSize", "65508", "548 to 65507"),
        session(it -> it.gatheringLimit(Duration.ZERO), "gatheringLimit", "PT0S", "PT24H"),
        session(
            it -> it.disconnectedAfter(Duration.ofSeconds(31)),
            "disconnectedAfter",
            "PT31S",
            "PT5S to PT30S"),
        session(
            it -> it.failedAfter(Duration.ofSeconds(31)), "failedAfter", "PT31S", "PT10S to PT30S"),
        session(
            it -> it.disconnectedAfter(Duration.ofSeconds(20))
                .failedAfter(Duration.ofSeconds(19))
                .build(),
            "disconnectedAfter",
            "PT20S",
            "at most failedAfter, PT19S"),
        session(
            it -> it.keepaliveInterval(Duration.ofSeconds(14)),
            "keepaliveInterval",
            "PT14S",
            "PT15S"),
        session(
            it -> it.releaseAfter(Duration.ofSeconds(2)), "releaseAfter", "PT2S", "PT3S to PT24H"),
        session(it -> it.endOfCandidatesLimit(day), "endOfCandidatesLimit", "PT24H", "PT1S"),
        runtime(it -> it.eventLoops(0), "eventLoops", "0", "1 to 256"),
        runtime(it -> it.eventLoops(257), "eventLoops", "257", "1 to 256"),
        runtime(
            it -> it.interfaceInterval(Duration.ofMillis(99)),
            "interfaceInterval",
            "PT0.099S",
            "PT0.1S to PT24H"),
        runtime(
            it -> it.interfaceInterval(Duration.ofSeconds(Long.MAX_VALUE)),
            "interfaceInterval",
            "PT",
            "PT0.1S to PT24H"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void valueOutOfRangeIsRefusedByFieldValueAndRule(
      Runnable mistake, String field, String value, String rule) {
    assertThatIllegalArgumentException()
        .isThrownBy(mistake::run)
        .withMessageContaining(field)
        .withMessageContaining(value)
        .withMessageContaining(rule);
  }

  @Test
  void missingValueIsRefusedByField() {
    IceSessionBuilder builder = IceSession.builder(runtime);
    Map<String, Runnable> mistakes = Map.of(
        "role", () -> builder.role(null),
        "interfaces", () -> builder.interfaces(null),
        "interfaceFilter", () -> builder.interfaceFilter(null),
        "remoteFilter", () -> builder.remoteFilter(null),
        "nominationFilter", () -> builder.nominationFilter(null),
        "addressHandling", () -> builder.addressHandling(null),
        "onEvent", () -> builder.onEvent(null),
        "onData", () -> builder.onData(null),
        "transport", () -> IceRuntime.builder().transport(null),
        "pacer", () -> IceRuntime.builder().pacer(null));
    mistakes.forEach((field, mistake) ->
        assertThatNullPointerException().isThrownBy(mistake::run).withMessage(field));
  }

  @Test
  @Tag("ICE-0290")
  void candidateTypesThatAreNotAskedForAreNotTold() throws Exception {
    TransportAddress seen = TransportAddress.udp("203.0.113.9", 4321);
    try (Mapper mapper = new Mapper(seen)) {
      for (CandidateType type : List.of(CandidateType.HOST, CandidateType.SERVER_REFLEXIVE)) {
        try (IceSession session = Loopback.session(runtime, Role.CONTROLLING)
            .stunServers(List.of(mapper.server()))
            .candidateTypes(Set.of(type))
            .build()) {
          session.start();
          assertThat(Loopback.await(session.gathered()))
              .extracting(Candidate::type)
              .containsExactly(type);
        }
      }
    }
  }

  @Test
  void nominationThatTheFilterRefusesDoesNotComplete() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    try (Pair pair = new Pair(
            runtime,
            PLAIN,
            settings -> settings.nominationFilter(path -> {
              asked.incrementAndGet();
              return false;
            }))
        .start()) {
      Wait.until(() -> asked.get() > 0);
      Loopback.await(pair.left.connected());
      assertThat(pair.right.completed()).isNotDone();
    }
  }

  @Test
  void pairIsNominatedAnewWhereThatWasAgreed() throws Exception {
    UnaryOperator<IceSessionBuilder> twoAddresses = settings -> settings
        .renomination(true)
        .interfaces(() -> List.of(Loopback.address("127.0.0.1"), Loopback.address("127.0.0.2")));
    try (Pair pair = new Pair(runtime, twoAddresses).connect()) {
      AtomicReference<IceStatistics.PairStatistics> found = new AtomicReference<>();
      Wait.until(
          () -> { // the other pairs may still be checked
            Loopback.await(pair.left.statistics()).pairs().stream()
                .filter(each -> !each.nominated() && each.responsesReceived() > 0)
                .findFirst()
                .ifPresent(found::set);
            return found.get() != null;
          });
      IceStatistics.PairStatistics another = found.get();
      Loopback.await(pair.left.nominate(0, another.id()));
      Wait.until(() -> {
        var path = pair.right.path(0, 1);
        return path != null
            && path.local().equals(another.remote().address())
            && path.remote().equals(another.local().address());
      });
    }
    try (Pair pair = new Pair(runtime, PLAIN).connect()) {
      assertThat(pair.left.nominate(0, 1))
          .failsWithin(Duration.ofSeconds(Loopback.LIMIT_SECONDS))
          .withThrowableOfType(ExecutionException.class)
          .withCauseInstanceOf(IllegalStateException.class)
          .withMessageContaining("renomination");
    }
  }

  @Test
  void revokedConsentEndsWhatThePeerSends() throws Exception {
    try (Pair pair = new Pair(runtime, PLAIN).connect()) {
      pair.right.revokeConsent(0);
      Wait.until(() -> Pair.told(pair.leftEvents, IceEvent.ConsentLost.class, "revoked"));
      assertThat(pair.left.path(0, 1)).isNull();
    }
  }

  @Test
  void twoLiteAgentsWithAChoiceTellEachOtherWhatTheySelected() throws Exception {
    UnaryOperator<IceSessionBuilder> dualStack = settings -> settings
        .lite(true)
        .interfaces(() -> List.of(
            Loopback.address("127.0.0.1"),
            new dev.frazil.ice.InterfaceAddress(
                "lo",
                IpAddress.parse("::1"),
                128,
                dev.frazil.ice.InterfaceAddress.Flags.LOOPBACK)));
    try (Pair pair = new Pair(runtime, dualStack).start()) {
      Wait.until(
          () -> pair.leftEvents.stream().anyMatch(IceEvent.SelectionToTell.class::isInstance));
      for (IceEvent event : pair.leftEvents) {
        if (event instanceof IceEvent.SelectionToTell told) {
          told.pairs().forEach(it -> {
            pair.right.addRemoteSelection(
                told.stream(), it.component(), it.remote().address(), it.local().address());
            pair.left.addRemoteSelection(
                told.stream(), it.component(), it.local().address(), it.remote().address());
          });
        }
      }
      Wait.until(() ->
          pair.left.state() == IceState.COMPLETED && pair.right.state() == IceState.COMPLETED);
      pair.left.send(ByteBuffer.wrap(new byte[] {7}));
      assertThat(pair.right.receive(
              ByteBuffer.allocate(9), Duration.ofSeconds(Loopback.LIMIT_SECONDS)))
          .isEqualTo(1);
    }
  }

  @Test
  void whatNobodyReceivesIsDroppedAndCounted() throws Exception {
    try (Pair pair = new Pair(runtime, PLAIN).connect()) {
      ByteBuffer payload = ByteBuffer.allocate(2000);
      Wait.until(() -> {
        pair.left.send(payload);
        return pair.right.dropped().unread() > 0;
      });
      assertThat(pair.right.dropped().tooLong()).isZero();
    }
  }
}
