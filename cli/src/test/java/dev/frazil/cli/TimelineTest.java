package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Help.Ansi;

class TimelineTest {
  private final StringWriter text = new StringWriter();
  private final Timeline timeline = new Timeline(new PrintWriter(text), Ansi.OFF);

  private void handle(String peer, String line) {
    timeline.handle(peer, Objects.requireNonNull(Json.parseObject(line)));
  }

  private void pair(String peer, int pair, String state, String why) {
    handle(peer, """
        {"type":"info","event":"pair-changed","pair":%d,"path":"host 1 > host 2","state":"%s",\
        "why":"%s","ms":1.5}""".formatted(pair, state, why));
  }

  @Test
  void candidateIsToldWithItsKind() {
    handle("A", """
        {"type":"candidate","sdp":"candidate:1 1 udp 1 192.0.2.1 99 typ host","ms":12.34}""");
    assertThat(text.toString())
        .isEqualTo(
            "      12.3 ms  A  can be reached at 192.0.2.1:99, an address of its own (host)\n");
  }

  @Test
  void pairThatIsFormedAndThenWaitsIsToldOnce() {
    pair("A", 1, "frozen", "formed");
    pair("A", 1, "waiting", "joined the checklist");
    assertThat(text.toString().lines())
        .singleElement()
        .asString()
        .contains("A  pair 1, host 1 > host 2: waiting (joined the checklist)");
  }

  @Test
  void otherPeersLineDoesNotComeBetween() {
    pair("A", 1, "frozen", "formed");
    pair("B", 1, "in-progress", "check sent");
    pair("A", 1, "waiting", "joined the checklist");
    assertThat(text.toString().lines())
        .satisfiesExactly(
            first -> assertThat(first).contains("B  pair 1, ", "trying (check sent)"),
            second -> assertThat(second).contains("A  pair 1, ", "waiting (joined"));
  }

  @Test
  void lineWithoutATimeHasNone() {
    handle("A", "{\"type\":\"error\",\"message\":\"odd\"}");
    assertThat(text.toString()).isEqualTo("               A  warns: odd\n");
  }

  @Test
  void pairThatStaysOnHoldIsToldBeforeWhatFollows() {
    pair("A", 1, "frozen", "formed");
    pair("A", 2, "in-progress", "check sent");
    assertThat(text.toString().lines())
        .satisfiesExactly(
            first -> assertThat(first).contains("A  pair 1, ", "on hold (formed)"),
            second -> assertThat(second).contains("A  pair 2, ", "trying (check sent)"));
  }

  @Test
  void lineThatTellsAPersonNothingIsPassedOver() {
    handle("A", "{\"type\":\"credentials\",\"ufrag\":\"u\",\"pwd\":\"secret\"}");
    handle("A", "{\"type\":\"info\",\"event\":\"decided\",\"ms\":1}");
    assertThat(text.toString()).isEmpty();
  }
}
