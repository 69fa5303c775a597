package dev.frazil.lab.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** What the peer protocol asks of the lines of every peer, whatever came of the crossing. */
final class ProtocolAssert {
  private static final Set<String> STATES =
      Set.of("checking", "connected", "completed", "disconnected", "failed");

  private static final Map<String, List<String>> TEXTS = Map.of(
      "hello", List.of("driver", "version"),
      "credentials", List.of("ufrag", "pwd"),
      "candidate", List.of("sdp"),
      "state", List.of("state"),
      "selected", List.of("local", "remote"),
      "error", List.of("message"));

  private static final Map<String, List<String>> NUMBERS = Map.of(
      "candidate", List.of("ms"),
      "end-of-candidates", List.of("ms"),
      "state", List.of("ms"),
      "selected", List.of("ms"),
      "data", List.of("ms", "bytes"),
      "echo", List.of("ms", "sent", "received"));

  private ProtocolAssert() {}

  static void assertSpoken(String because, PeerReport report, boolean trickle) {
    assertThat(report.strays()).as(because).isEmpty();
    assertThat(report.lines().get(0).path("type").asString()).as(because).isEqualTo("hello");
    report.lines().forEach(line -> assertMembers(because, line));
    assertCandidatesInOrder(because, report);
    assertStatesInOrder(because, report);
    if (!trickle) {
      assertThat(indexOf(report, "end-of-candidates"))
          .as(because + ": without trickle it gathers before it checks")
          .isLessThan(indexOf(report, "state"));
    }
  }

  private static void assertMembers(String because, JsonNode line) {
    String type = line.path("type").asString();
    for (String member : TEXTS.getOrDefault(type, List.of())) {
      assertThat(line.path(member).asString("")).as(because + ": " + member).isNotEmpty();
    }
    for (String member : NUMBERS.getOrDefault(type, List.of())) {
      assertThat(line.path(member).asDouble(-1)).as(because + ": " + member).isNotNegative();
    }
    for (String member : List.of("sdp", "local", "remote")) {
      if (line.has(member)) {
        assertThat(line.path(member).asString()).as(because).startsWith("candidate:");
        assertThat(CandidateText.parse(line.path(member).asString()))
            .as(because)
            .isNotNull();
      }
    }
    if (type.equals("state")) {
      assertThat(line.path("state").asString()).as(because).isIn(STATES);
    } else if (type.equals("echo")) {
      assertThat(line.has("first_ms"))
          .as(because)
          .isEqualTo(line.path("received").asInt() > 0);
    }
  }

  /** In each generation: credentials, then candidates, then the end of them, once. */
  private static void assertCandidatesInOrder(String because, PeerReport report) {
    Set<Integer> begun = new HashSet<>();
    Set<Integer> ended = new HashSet<>();
    for (JsonNode line : report.lines()) {
      int generation = line.path("generation").asInt(0);
      switch (line.path("type").asString()) {
        case "credentials" -> assertThat(begun.add(generation)).as(because).isTrue();
        case "candidate" -> {
          assertThat(begun).as(because).contains(generation);
          assertThat(ended).as(because).doesNotContain(generation);
        }
        case "end-of-candidates" ->
          assertThat(ended.add(generation)).as(because).isTrue();
        default -> {}
      }
    }
    assertThat(ended).as(because).isEqualTo(begun);
  }

  private static void assertStatesInOrder(String because, PeerReport report) {
    List<String> states = report.states();
    if (states.contains("completed")) {
      assertThat(states.indexOf("connected"))
          .as(because + ": connected before completed")
          .isBetween(0, states.indexOf("completed"));
    }
  }

  /** Where the first line of a type stands; after all when there is none. */
  private static int indexOf(PeerReport report, String type) {
    List<String> types =
        report.lines().stream().map(line -> line.path("type").asString()).toList();
    return types.contains(type) ? types.indexOf(type) : types.size();
  }
}
