package dev.frazil.lab.interop;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the harness reads from a candidate line. On purpose not Frazil's own parser: what judges shares no code with what
 * it judges.
 */
record CandidateText(
    String foundation,
    int component,
    String transport,
    long priority,
    String address,
    int port,
    String type) {

  /** The candidate on a line; null for anything else. */
  static @Nullable CandidateText parse(String line) {
    String bare = line.startsWith("a=") ? line.substring(2) : line;
    List<String> words = List.of(bare.trim().split(" +"));
    if (!bare.startsWith("candidate:") || words.size() < 8 || !words.get(6).equals("typ")) {
      return null;
    }
    try {
      return new CandidateText(
          words.get(0).substring("candidate:".length()),
          Integer.parseInt(words.get(1)),
          words.get(2),
          Long.parseLong(words.get(3)),
          words.get(4),
          Integer.parseInt(words.get(5)),
          words.get(7));
    } catch (NumberFormatException noCandidate) {
      return null;
    }
  }

  /** Address and port, written so that the same address is the same text whoever wrote it. */
  String endpoint() {
    return Endpoints.text(address, port);
  }
}
