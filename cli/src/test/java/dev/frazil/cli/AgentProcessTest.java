package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.node.ObjectNode;

/** The agent protocol between processes. */
class AgentProcessTest {
  private static int exitOf(String... arguments) throws Exception {
    Process process = new ProcessBuilder(PeerProcess.command(List.of(arguments)))
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
    process.getOutputStream().close();
    assertThat(process.getInputStream().readAllBytes()).isEmpty();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  @Test
  void twoProcessesConnectRestartAndEndWithZero() throws Exception {
    TestPeer a = TestPeer.process(
        "--controlling", "--trickle", "--loopback", "--count", "50", "--interval", "2");
    TestPeer b = TestPeer.process("--controlled", "--trickle", "--loopback");
    TestPeer.start(a, b);
    ObjectNode echo = a.await("echo");
    assertThat(echo.path("received").asInt()).isEqualTo(50);
    b.awaitState("completed");
    a.tell("{\"type\":\"restart\"}");
    b.await("credentials", line -> line.path("generation").asInt(0) == 1);
    b.await("selected");
    b.tell("{\"type\":\"burst\",\"count\":5}");
    assertThat(b.await("echo").path("received").asInt()).isEqualTo(5);
    assertThat(a.stop()).isZero();
    b.close();
    assertThat(b.exit()).isZero();
    for (TestPeer peer : List.of(a, b)) {
      assertThat(peer.raw()).allMatch(line -> Json.parseObject(line) != null);
      assertThat(peer.raw().get(0)).contains("\"hello\"", "\"frazil\"");
    }
  }

  @Test
  void endOfInputBeforeStartEndsWithZero() throws Exception {
    TestPeer peer = TestPeer.process("--controlled");
    peer.await("hello");
    peer.close();
    assertThat(peer.exit()).isZero();
  }

  @Test
  void wrongArgumentsEndWithTwoAndAnEmptyStandardOutput() throws Exception {
    assertThat(exitOf("--controlling", "--unknown")).isEqualTo(2);
    assertThat(exitOf()).isEqualTo(2);
  }

  @Test
  void terminatedPeerClosesItsSession() throws Exception {
    TestPeer peer = TestPeer.process("--controlling", "--trickle", "--loopback", "--events", "-");
    peer.await("hello");
    peer.tell("{\"type\":\"start\"}");
    peer.await("end-of-candidates");
    peer.terminate();
    peer.await("info", line -> line.has("checks_sent"));
    assertThat(peer.exit()).isEqualTo(128 + 15);
  }
}
