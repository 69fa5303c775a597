package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnListener;
import dev.frazil.netty.TurnService;
import dev.frazil.netty.TurnServiceSettings;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.turn.PeerFilter;
import dev.frazil.turn.TurnServerConfiguration;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/** The agent protocol, with both peers in this process and over loopback. */
class AgentTest {
  private final List<TestPeer> peers = new ArrayList<>();

  private TestPeer peer(String arguments) throws Exception {
    TestPeer peer = TestPeer.inProcess((arguments + " --loopback").split(" "));
    peers.add(peer);
    return peer;
  }

  @AfterEach
  void endAll() throws Exception {
    for (TestPeer peer : peers) {
      peer.close();
      assertThat(peer.exit()).isZero();
    }
  }

  private static void assertEcho(ObjectNode echo, int count) {
    assertThat(echo.path("sent").asInt()).isEqualTo(count);
    assertThat(echo.path("received").asInt()).isEqualTo(count);
    assertThat(echo.path("first_ms").asDouble())
        .isPositive()
        .isLessThanOrEqualTo(echo.path("ms").asDouble());
  }

  private static List<String> types(TestPeer peer) {
    return peer.raw().stream()
        .map(Json::parseObject)
        .map(line -> line == null ? "not JSON" : TestPeer.type(line))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"--trickle", "--pacing 20"})
  void twoPeersConnectAndEchoEveryPayload(String mode) throws Exception {
    TestPeer a = peer("--controlling --count 20 --size 100 " + mode);
    TestPeer b = peer("--controlled " + mode);
    TestPeer.start(a, b);
    assertThat(a.awaitState("connected").path("ms").asDouble()).isPositive();
    assertEcho(a.await("echo"), 20);
    b.awaitState("completed");
    assertThat(b.all("data")).hasSize(1);
    assertThat(b.all("data").get(0).path("bytes").asInt()).isEqualTo(100);
    assertThat(b.all("echo")).isEmpty();
    assertThat(a.stop()).isZero();
    assertThat(types(a)).startsWith("hello", "credentials").endsWith("info");
    assertThat(types(a).indexOf("selected")).isBetween(1, types(a).lastIndexOf("state"));
    ObjectNode info = a.await("info", line -> line.has("checks_sent"));
    assertThat(info.path("checks_sent").asInt()).isPositive();
    assertThat(info.path("rtt_ms").asDouble()).isPositive();
  }

  @Test
  void selectedPairsOfBothSidesAreTheSamePath() throws Exception {
    TestPeer a = peer("--controlling --trickle --count 1");
    TestPeer b = peer("--controlled --trickle");
    TestPeer.start(a, b);
    ObjectNode ofA = a.await("selected");
    ObjectNode ofB = b.await("selected");
    assertThat(place(ofA, "local")).isEqualTo(place(ofB, "remote"));
    assertThat(place(ofA, "remote")).isEqualTo(place(ofB, "local"));
  }

  /** Address and port of a candidate. */
  private static String place(ObjectNode line, String side) {
    String[] fields = line.path(side).asString().split(" ");
    return fields[4] + " " + fields[5];
  }

  @Test
  void withoutTrickleCandidatesComeTogetherAndChecksWaitForTheOthersEnd() throws Exception {
    TestPeer a = peer("--controlling --count 1");
    TestPeer b = peer("--controlled");
    a.await("hello");
    b.await("hello");
    a.tell("{\"type\":\"start\"}");
    b.tell("{\"type\":\"start\"}");
    a.relayTo(b, TestPeer::isSignalling);
    b.relayTo(
        a, line -> TestPeer.isSignalling(line) && !TestPeer.type(line).equals("end-of-candidates"));
    a.await("end-of-candidates");
    ObjectNode end = b.await("end-of-candidates");
    a.tell("{\"type\":\"restart-the-universe\"}");
    assertThat(types(a)).doesNotContain("state", "selected");
    a.tell(Json.line(end));
    assertEcho(a.await("echo"), 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"--controlling", "--controlled"})
  void peersOfTheSameRoleResolveTheConflict(String role) throws Exception {
    TestPeer a = peer(role + " --trickle --count 3");
    TestPeer b = peer(role + " --trickle --count 3");
    TestPeer.start(a, b);
    a.awaitState("completed");
    b.awaitState("completed");
    if (role.equals("--controlling")) {
      assertEcho(a.await("echo"), 3);
      assertEcho(b.await("echo"), 3);
    }
    a.stop();
    b.stop();
    Set<String> roles = List.of(a, b).stream()
        .map(peer ->
            peer.all("info").get(peer.all("info").size() - 1).path("role").asString())
        .collect(Collectors.toSet());
    assertThat(roles).containsExactlyInAnyOrder("controlling", "controlled");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--trickle", "--pacing 20"})
  void restartBeginsAGenerationOnBothSides(String mode) throws Exception {
    TestPeer a = peer("--controlling --count 5 " + mode);
    TestPeer b = peer("--controlled " + mode);
    TestPeer.start(a, b);
    a.await("echo");
    b.awaitState("completed");
    b.tell("{\"type\":\"restart\"}");
    for (TestPeer peer : List.of(a, b)) {
      ObjectNode credentials =
          peer.await("credentials", line -> line.path("generation").asInt(0) == 1);
      assertThat(credentials.path("ufrag").asString())
          .isNotEqualTo(peer.all("credentials").get(0).path("ufrag").asString());
      peer.await("candidate", line -> line.path("generation").asInt(0) == 1);
      peer.await("end-of-candidates", line -> line.path("generation").asInt(0) == 1);
    }
    a.await("selected");
    b.await("selected");
    a.tell("{\"type\":\"burst\",\"count\":4}");
    assertEcho(a.await("echo"), 4);
  }

  @Test
  void burstsOfBothPeersAreCountedAlone() throws Exception {
    TestPeer a = peer("--controlling --trickle --count 3 --interval 1");
    TestPeer b = peer("--controlled --trickle --interval 1");
    TestPeer.start(a, b);
    assertEcho(a.await("echo"), 3);
    b.awaitState("connected");
    b.tell("{\"type\":\"burst\",\"count\":7}");
    a.tell("{\"type\":\"burst\",\"count\":5}");
    a.tell("{\"type\":\"burst\",\"count\":0}");
    assertThat(a.await("echo", line -> line.path("sent").asInt() == 0).has("first_ms"))
        .isFalse();
    assertEcho(b.await("echo"), 7);
    assertEcho(a.await("echo", line -> line.path("sent").asInt() == 5), 5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"--controlling", "--controlled"})
  void fullAndLitePeersConnect(String roleOfTheLiteOne) throws Exception {
    String otherRole = roleOfTheLiteOne.equals("--controlling") ? "--controlled" : "--controlling";
    TestPeer lite = peer(roleOfTheLiteOne + " --trickle --lite --count 2");
    TestPeer full = peer(otherRole + " --trickle --count 2");
    TestPeer.start(lite, full);
    assertThat(lite.await("credentials").path("lite").asBoolean(false)).isTrue();
    TestPeer sender = roleOfTheLiteOne.equals("--controlling") ? lite : full;
    assertEcho(sender.await("echo"), 2);
    full.awaitState("completed");
    lite.awaitState("completed");
  }

  @Test
  void pacingAndOptionsAreToldInTheCredentials() throws Exception {
    TestPeer a = peer("--controlling --trickle --pacing 33");
    a.await("hello");
    a.tell("{\"type\":\"start\"}");
    ObjectNode credentials = a.await("credentials");
    assertThat(credentials.path("pacing").asInt()).isEqualTo(33);
    assertThat(credentials.path("options").valueStream().map(option -> option.asString()))
        .contains("ice2", "trickle");
    assertThat(credentials.has("generation")).isFalse();
  }

  @Test
  void malformedAndUnusableLinesAreSkippedAndTheSessionGoesOn() throws Exception {
    TestPeer a = peer("--controlling --trickle --count 2");
    TestPeer b = peer("--controlled --trickle");
    a.await("hello");
    a.tell("{\"type\":\"end-of-candidates\"}");
    assertThat(a.await("error").path("message").asString()).contains("start");
    for (String line : List.of(
        "not JSON",
        "{\"type\":\"credentials\",\"ufrag\":\"x\",\"pwd\":\"secret\"}",
        "{\"type\":\"candidate\",\"sdp\":\"candidate:1 1 udp 1 not/an/address 1 typ host\"}",
        "{\"type\":\"candidate\",\"sdp\":\"candidate:1 1 udp 1 192.0.2.1 99999 typ host\"}",
        "{\"type\":\"burst\",\"count\":-3}",
        "{\"type\":\"burst\",\"count\":3}",
        "x".repeat(70_000))) {
      a.tell(line);
      assertThat(a.await("error").path("message").asString()).isNotEmpty().doesNotContain("secret");
    }
    b.await("hello");
    a.tell("{\"type\":\"start\"}");
    b.tell("{\"type\":\"start\"}");
    TestPeer.cross(a, b);
    b.tell("{\"type\":\"start\"}");
    assertThat(b.await("error").path("message").asString()).contains("twice");
    assertEcho(a.await("echo"), 2);
    assertThat(types(a)).doesNotContain("not JSON");
  }

  @Test
  void candidatesMayComeBeforeCredentialsAndTwice() throws Exception {
    TestPeer a = peer("--controlling --trickle --count 2");
    TestPeer b = peer("--controlled --trickle");
    a.await("hello");
    b.await("hello");
    a.tell("{\"type\":\"start\"}");
    b.tell("{\"type\":\"start\"}");
    ObjectNode credentials = b.await("credentials");
    b.await("end-of-candidates");
    for (int i = 0; i < 2; i++) {
      b.all("candidate").forEach(line -> a.tell(Json.line(line)));
    }
    a.relayTo(b, TestPeer::isSignalling);
    for (int i = 0; i < 2; i++) {
      a.tell(Json.line(credentials));
      a.tell("{\"type\":\"end-of-candidates\"}");
    }
    assertEcho(a.await("echo"), 2);
  }

  @Test
  void linesOfAnOlderGenerationAreSkipped() throws Exception {
    TestPeer a = peer("--controlling --trickle --count 2");
    TestPeer b = peer("--controlled --trickle");
    TestPeer.start(a, b);
    a.await("echo");
    b.awaitState("completed");
    ObjectNode old = b.all("credentials").get(0);
    a.tell("{\"type\":\"restart\"}");
    b.await("selected", line -> b.all("credentials").size() == 2);
    a.tell(Json.line(old));
    a.tell("{\"type\":\"burst\",\"count\":2}");
    assertEcho(a.await("echo"), 2);
    assertThat(a.all("credentials")).hasSize(2);
    assertThat(a.all("error")).isEmpty();
  }

  @Test
  void relayPolicyWithoutARelayTellsNothingAndFails() throws Exception {
    TestPeer a = peer("--controlling --trickle --policy relay");
    TestPeer b = peer("--controlled --trickle");
    TestPeer.start(a, b);
    ObjectNode failed = a.awaitState("failed");
    assertThat(failed.path("message").asString()).contains("relay");
    assertThat(types(a))
        .contains("credentials", "end-of-candidates")
        .doesNotContain("candidate", "selected");
  }

  @Test
  void turnServerThatCannotBeReachedIsAnsweredByAnErrorLineThatHidesThePassword() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    TestPeer a = peer("--controlling --turn 127.0.0.1:" + port + ":user:secret:tls");
    a.await("hello");
    a.tell("{\"type\":\"start\"}");
    String message = a.await("error").path("message").asString();
    assertThat(message).contains("turns:127.0.0.1:" + port).doesNotContain("secret");
  }

  @ParameterizedTest
  @ValueSource(strings = {"udp", "tcp"})
  void relayPolicyConnectsThroughATurnServerOverEachTransport(String transport) throws Exception {
    try (IceRuntime runtime = IceRuntime.create()) {
      TurnListener.Kind kind = TurnListener.Kind.valueOf(transport.toUpperCase(Locale.ROOT));
      TurnService server = TurnService.start(
              runtime,
              TurnServiceSettings.builder(AgentTest::relay)
                  .listen(kind, "127.0.0.1", 0)
                  .build(),
              event -> {})
          .get(10, TimeUnit.SECONDS);
      String options = " --trickle --policy relay --turn 127.0.0.1:"
          + server.listeners().get(0).address().port() + ":user:secret:" + transport;
      TestPeer a = peer("--controlling" + options);
      TestPeer b = peer("--controlled" + options);
      TestPeer.start(a, b);
      a.await("echo");
      assertThat(a.all("candidate"))
          .isNotEmpty()
          .allMatch(line -> line.path("sdp").asString("").contains(" typ relay "));
    }
  }

  private static void relay(TurnServerConfiguration.Builder builder) {
    LongTermCredential user = new LongTermCredential("user", "secret");
    builder
        .realm("example.org", (name, realm, algorithm) -> user.key(realm, algorithm))
        .peerFilter(PeerFilter.builder().loopback(true).build())
        .relay(TurnServerConfiguration.Relay.of(IpAddress.parse("127.0.0.1")));
  }

  @Test
  void authoritiesThatAreNoneAreRefusedByName() throws Exception {
    Path file = Files.createTempFile("frazil", ".pem");
    Cli run = Cli.run("agent", "--stdio", "--controlling", "--trust", file.toString());
    Files.delete(file);
    assertThat(run.exit()).isEqualTo(2);
    assertThat(run.err()).contains("--trust " + file, "PEM");
  }

  @Test
  void peerThatHearsNothingGivesUpAndStays() throws Exception {
    TestPeer a = peer("--controlling --trickle --timeout 0.3");
    a.await("hello");
    a.tell("{\"type\":\"start\"}");
    assertThat(a.awaitState("failed").path("ms").asDouble()).isGreaterThanOrEqualTo(300);
    a.tell("{\"type\":\"burst\",\"count\":1}");
    assertThat(a.await("error").path("message").asString()).contains("burst");
  }

  @Test
  void eventLogAmongTheLinesTellsEveryPair() throws Exception {
    TestPeer a = peer("--controlling --trickle --count 1 --events -");
    TestPeer b = peer("--controlled --trickle");
    TestPeer.start(a, b);
    a.await("echo");
    ObjectNode works = a.all("info").stream()
        .filter(line -> line.path("state").asString("").equals("succeeded"))
        .findFirst()
        .orElseThrow();
    assertThat(works.path("event").asString()).isEqualTo("pair-changed");
    assertThat(works.path("path").asString()).contains(" > ");
    assertThat(works.path("why").asString()).isNotEmpty();
  }
}
