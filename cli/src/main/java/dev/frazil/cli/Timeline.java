package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import java.io.PrintWriter;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Ansi;
import tools.jackson.databind.node.ObjectNode;

/** Tells in plain words what peers do, line by line, from the lines of the agent protocol. */
final class Timeline {
  /** A pair whose forming is not told yet, and how to tell it. */
  private record Formed(long pair, String told) {}

  private final PrintWriter out;
  private final Ansi ansi;
  private final Map<String, Formed> formed = new HashMap<>();

  Timeline(PrintWriter out, Ansi ansi) {
    this.out = out;
    this.ansi = ansi;
  }

  /**
   * Tells a line. A pair that is formed mostly changes its state in the same moment: then only the second change is
   * told.
   */
  void handle(String peer, ObjectNode line) {
    String text = describe(line);
    if (text == null) {
      return;
    }
    String told = "  " + time(line) + "  " + ansi.string("@|bold " + peer + "|@  " + text);
    Formed before = formed.remove(peer);
    Formed now = new Formed(line.path("pair").asLong(0), told);
    if (before != null && before.pair != now.pair) {
      out.println(before.told);
    }
    if (line.path("why").asString("").equals("formed")) {
      formed.put(peer, now);
    } else {
      out.println(told);
    }
    out.flush();
  }

  /** Not every line of the protocol has a time. */
  private static String time(ObjectNode line) {
    return line.has("ms")
        ? String.format(Locale.ROOT, "%8.1f ms", line.path("ms").asDouble(0))
        : " ".repeat(11);
  }

  private static @Nullable String describe(ObjectNode line) {
    return switch (line.path("type").asString("")) {
      case "candidate" -> candidate(line.path("sdp").asString(""));
      case "end-of-candidates" -> "has found all its addresses";
      case "state" -> state(line);
      case "selected" ->
        "@|bold,green chose|@ " + place(line.path("local").asString("")) + " > "
            + place(line.path("remote").asString(""));
      case "data" -> "got its first payload";
      case "info" -> line.path("event").asString("").equals("pair-changed") ? pair(line) : null;
      case "error" -> "@|yellow warns:|@ " + Table.plain(line.path("message").asString(""));
      default -> null;
    };
  }

  private static @Nullable String candidate(String sdp) {
    Candidate candidate = Candidate.parse(sdp);
    return candidate == null
        ? null
        : "can be reached at " + candidate.address() + ", " + kind(candidate.type());
  }

  private static String kind(CandidateType type) {
    return switch (type) {
      case HOST -> "an address of its own (host)";
      case SERVER_REFLEXIVE -> "where the STUN server sees it (srflx)";
      case PEER_REFLEXIVE -> "where the other one sees it (prflx)";
      case RELAYED -> "through a relay (relay)";
    };
  }

  private static String state(ObjectNode line) {
    String reason = Table.plain(line.path("message").asString(""));
    String text = switch (line.path("state").asString("")) {
      case "checking" -> "starts to try the pairs";
      case "connected" -> "is @|bold,green connected|@: data can flow";
      case "completed" -> "is done: both use the same path";
      case "disconnected" -> "gets @|yellow no answer|@ at the moment";
      case "failed" -> "@|bold,red failed|@";
      default -> line.path("state").asString("");
    };
    return reason.isEmpty() ? text : text + ": " + reason;
  }

  private static String pair(ObjectNode line) {
    String state = switch (line.path("state").asString("")) {
      case "frozen" -> "@|faint on hold|@";
      case "waiting" -> "@|faint waiting|@";
      case "in-progress" -> "@|cyan trying|@";
      case "succeeded" -> "@|green works|@";
      case "failed" -> "@|red failed|@";
      default -> "@|faint dropped|@";
    };
    return "pair %d, %s: %s (%s)"
        .formatted(
            line.path("pair").asLong(0),
            line.path("path").asString(""),
            state,
            Table.plain(line.path("why").asString("")));
  }

  private static String place(String sdp) {
    Candidate candidate = Candidate.parse(sdp);
    return candidate == null ? sdp : candidate.address().toString();
  }
}
