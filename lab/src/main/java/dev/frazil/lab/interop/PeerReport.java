package dev.frazil.lab.interop;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a peer has said.
 *
 * @param lines its lines, in order
 * @param ended whether its standard output is closed
 * @param exitCode how it ended after {@code stop}; null when it did not, in time
 * @param stopping how long that took; null likewise
 */
record PeerReport(
    List<JsonNode> lines,
    boolean ended,
    @Nullable Integer exitCode,
    @Nullable Duration stopping) {
  private static final Set<String> TYPES = Set.of(
      "hello",
      "credentials",
      "candidate",
      "end-of-candidates",
      "state",
      "selected",
      "data",
      "echo",
      "error",
      "info");

  static final PeerReport EMPTY = new PeerReport(List.of(), false, null, null);

  PeerReport with(JsonNode line) {
    return new PeerReport(
        Stream.concat(lines.stream(), Stream.of(line)).toList(), ended, exitCode, stopping);
  }

  PeerReport withEnd() {
    return new PeerReport(lines, true, exitCode, stopping);
  }

  PeerReport withExit(int code, Duration took) {
    return new PeerReport(lines, ended, code, took);
  }

  boolean has(String type) {
    return ofType(type).findAny().isPresent();
  }

  /** The states it went through, in order. */
  List<String> states() {
    return ofType("state").map(line -> line.path("state").asString("")).toList();
  }

  boolean hasState(String state) {
    return states().contains(state);
  }

  /** Its echoes: one for the payloads of the start, one more for each burst. */
  List<Echo> echoes() {
    return ofType("echo")
        .map(line -> new Echo(line.path("sent").asInt(-1), line.path("received").asInt(-1)))
        .toList();
  }

  /** The pairs it selected, in order. */
  List<Selected> selected() {
    return ofType("selected")
        .map(PeerReport::toSelected)
        .flatMap(Optional::stream)
        .toList();
  }

  /** The pair it uses at last. */
  Optional<Selected> lastSelected() {
    List<Selected> all = selected();
    return all.isEmpty() ? Optional.empty() : Optional.of(all.get(all.size() - 1));
  }

  /** The types of the candidates it told the other side. */
  List<String> candidateTypes() {
    return ofType("candidate")
        .map(line -> CandidateText.parse(line.path("sdp").asString("")))
        .map(candidate -> candidate == null ? "unreadable" : candidate.type())
        .toList();
  }

  /** The messages of its error lines. */
  List<String> errors() {
    return ofType("error").map(line -> line.path("message").asString("")).toList();
  }

  /** The lines that are none of the protocol's; what is no JSON object stands there as an empty one. */
  List<JsonNode> strays() {
    return lines.stream()
        .filter(line -> !TYPES.contains(line.path("type").asString("")))
        .toList();
  }

  Stream<JsonNode> ofType(String type) {
    return lines.stream().filter(line -> line.path("type").asString("").equals(type));
  }

  private static Optional<Selected> toSelected(JsonNode line) {
    CandidateText local = CandidateText.parse(line.path("local").asString(""));
    CandidateText remote = CandidateText.parse(line.path("remote").asString(""));
    return local == null || remote == null
        ? Optional.empty()
        : Optional.of(new Selected(local, remote, line.path("generation").asInt(0)));
  }

  /** Payloads sent, and those that came back. */
  record Echo(int sent, int received) {}

  /** A pair that was selected. */
  record Selected(CandidateText local, CandidateText remote, int generation) {}
}
