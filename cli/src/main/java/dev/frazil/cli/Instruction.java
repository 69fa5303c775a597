package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceParameters;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What a harness tells a peer: one line of the agent protocol on standard input. */
sealed interface Instruction {
  /** Begin: time 0. */
  record Start() implements Instruction {}

  /** The other side's parameters of a generation. */
  record Credentials(int generation, IceParameters remote) implements Instruction {}

  /** A candidate of the other side. */
  record RemoteCandidate(int generation, Candidate candidate) implements Instruction {}

  /** The other side has no more candidates in a generation. */
  record EndOfCandidates(int generation) implements Instruction {}

  /** Begin a new generation. */
  record Restart() implements Instruction {}

  /** Send that many further payloads. */
  record Burst(int count) implements Instruction {}

  /** End. */
  record Stop() implements Instruction {}

  /** More payloads than their eight digits can number. */
  int MAX_COUNT = 100_000_000;

  /**
   * Reads a line.
   *
   * @return null for a line of an unknown type, or a candidate that RFC 8839 says to pass over
   * @throws IllegalArgumentException when the line can't be used; the message names field, value and rule, and holds no
   *     secret
   */
  static @Nullable Instruction parse(String line) {
    ObjectNode object = Json.parseObject(line);
    if (object == null) {
      throw new IllegalArgumentException(
          "line of " + line.length() + " characters: must be a JSON object, ignored");
    }
    return switch (object.path("type").asString("")) {
      case "start" -> new Start();
      case "credentials" -> new Credentials(generation(object), parameters(object));
      case "candidate" -> candidate(object);
      case "end-of-candidates" -> new EndOfCandidates(generation(object));
      case "restart" -> new Restart();
      case "burst" -> new Burst(number(object, "count", 0, MAX_COUNT));
      case "stop" -> new Stop();
      default -> null;
    };
  }

  private static @Nullable Instruction candidate(ObjectNode object) {
    Candidate candidate = Candidate.parse(text(object, "sdp"));
    return candidate == null ? null : new RemoteCandidate(generation(object), candidate);
  }

  private static IceParameters parameters(ObjectNode object) {
    Integer pacing = isAbsent(object, "pacing") ? null : number(object, "pacing", 0, 60_000);
    boolean lite = object.path("lite").asBoolean(false);
    return new IceParameters(
        text(object, "ufrag"), text(object, "pwd"), lite, pacing, options(object));
  }

  private static @Nullable Set<String> options(ObjectNode object) {
    if (isAbsent(object, "options")) {
      return null;
    }
    JsonNode list = object.path("options");
    if (!list.isArray() || !list.valueStream().allMatch(JsonNode::isString)) {
      throw new IllegalArgumentException("options " + shown(list) + ": must be a list of strings");
    }
    Set<String> options = new LinkedHashSet<>();
    list.forEach(option -> options.add(option.stringValue()));
    return options;
  }

  private static int generation(ObjectNode object) {
    return isAbsent(object, "generation") ? 0 : number(object, "generation", 0, Integer.MAX_VALUE);
  }

  private static boolean isAbsent(ObjectNode object, String member) {
    return object.path(member).isMissingNode() || object.path(member).isNull();
  }

  private static String text(ObjectNode object, String member) {
    JsonNode value = object.path(member);
    if (!value.isString()) {
      throw new IllegalArgumentException(
          member + " of " + object.path("type").asString() + ": must be a string");
    }
    return value.stringValue();
  }

  /** A whole number; a fraction is rounded up, because other peers tell times as decimals. */
  private static int number(ObjectNode object, String member, int min, int max) {
    JsonNode value = object.path(member);
    double number = value.isNumber() ? Math.ceil(value.doubleValue()) : Double.NaN;
    if (!(number >= min && number <= max)) {
      throw new IllegalArgumentException(
          member + " " + shown(value) + ": must be a number from " + min + " to " + max);
    }
    return (int) number;
  }

  private static String shown(JsonNode value) {
    String text = value.isMissingNode() ? "(absent)" : Json.line(value);
    return text.length() > 80 ? text.substring(0, 80) + "…" : text;
  }
}
