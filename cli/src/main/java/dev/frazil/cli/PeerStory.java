package dev.frazil.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What became of one peer, gathered from its lines. */
final class PeerStory {
  private final String name;
  private final List<String> candidates = new ArrayList<>();
  private final Map<Long, ObjectNode> pairs = new LinkedHashMap<>();
  private final Map<String, Double> states = new LinkedHashMap<>();
  private boolean begun;
  private @Nullable ObjectNode selected;
  private @Nullable ObjectNode echo;
  private @Nullable ObjectNode summary;

  PeerStory(String name) {
    this.name = name;
  }

  void handle(ObjectNode line) {
    switch (line.path("type").asString("")) {
      case "hello" -> begun = true;
      case "candidate" -> candidates.add(line.path("sdp").asString(""));
      case "state" ->
        states.put(line.path("state").asString(""), line.path("ms").asDouble(0));
      case "selected" -> selected = line;
      case "echo" -> echo = line;
      case "info" -> info(line);
      default -> {}
    }
  }

  private void info(ObjectNode line) {
    if (line.path("event").asString("").equals("pair-changed")) {
      pairs.put(line.path("pair").asLong(0), line);
    } else if (line.has("checks_sent")) {
      summary = line;
    }
  }

  boolean hasBegun() {
    return begun;
  }

  boolean isConnected() {
    return millis("connected") != null;
  }

  boolean hasFailed() {
    return states.containsKey("failed");
  }

  /** Whether it reported its payloads, or will never get to send any. */
  boolean hasEnded() {
    return echo != null || hasFailed();
  }

  /** When it reached a state, in milliseconds since its start; null if it did not. */
  @Nullable Double millis(String state) {
    Double connected = states.get(state);
    return connected == null && state.equals("connected") ? states.get("completed") : connected;
  }

  int sent() {
    return echo == null ? 0 : echo.path("sent").asInt(0);
  }

  int received() {
    return echo == null ? 0 : echo.path("received").asInt(0);
  }

  /** The round trip time of the chosen path in milliseconds; null when it was not measured. */
  @Nullable Double rttMillis() {
    return summary == null || !summary.has("rtt_ms")
        ? null
        : summary.path("rtt_ms").asDouble(0);
  }

  /** The chosen path's end on this or the other side, as a candidate line; null when none was chosen. */
  @Nullable String selected(String side) {
    return selected == null ? null : selected.path(side).asString("");
  }

  ObjectNode toJson() {
    ObjectNode json = Json.object().put("name", name);
    json.set("candidates", Json.tree(candidates));
    json.set("pairs", Json.tree(pairs.values().stream().map(PeerStory::pair).toList()));
    json.set("states", Json.tree(states));
    json.put("local", selected("local")).put("remote", selected("remote"));
    json.put("rtt_ms", rttMillis());
    return echo == null ? json : json.put("sent", sent()).put("received", received());
  }

  private static ObjectNode pair(ObjectNode change) {
    ObjectNode pair = Json.object();
    for (String member : List.of("pair", "path", "state", "why")) {
      pair.set(member, change.path(member));
    }
    return pair;
  }
}
