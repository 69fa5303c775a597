package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.net.Transport;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Ansi;
import tools.jackson.databind.node.ObjectNode;

/** What the demo says, for somebody who never heard of ICE. */
final class Story {
  private static final String INDENT = "   ";

  private final PrintWriter out;
  private final Ansi ansi;
  private final boolean onTerminal;
  private final Timeline timeline;
  private int progressLength;

  Story(PrintWriter out, Ansi ansi, boolean onTerminal) {
    this.out = out;
    this.ansi = ansi;
    this.onTerminal = onTerminal;
    this.timeline = new Timeline(out, ansi);
  }

  void introduceProcesses(boolean loopback) {
    say(
        "Frazil finds the best path between two programs, whatever NATs and firewalls stand between them.");
    say("");
    say("@|bold 1. Two processes on this machine, over "
        + (loopback ? "loopback" : "its network interfaces") + "|@");
    say("");
    indented(
        "Programs A and B know nothing of each other. Each collects the addresses at which it might be",
        "reached, its \"candidates\": its own ones, and the one at which a STUN server sees it. They swap",
        "these through a go-between, which is this command here and your web server in real life. Then",
        "they try the pairs of their addresses: each sends the other a small question, a \"check\", over",
        "the pair. A pair works when both got an answer. The best one is then chosen, or \"nominated\", by A,",
        "and data goes over it. Times are milliseconds since the start of each program's search.",
        "");
    out.flush();
  }

  /** A line that one of the processes printed. */
  void handle(String peer, ObjectNode line) {
    if (line.path("type").asString("").equals("info") && line.has("returned")) {
      progress(line.path("returned").asInt(0) + " payloads are back …");
    } else {
      clearProgress();
      timeline.handle(peer, line);
    }
  }

  void tellProcesses(PeerStory a, PeerStory b) {
    clearProgress();
    say("");
    Table result = new Table(ansi);
    String from = a.selected("local");
    String to = a.selected("remote");
    result.row(
        "Path chosen",
        from == null || to == null ? "@|red none|@" : address(from) + " > " + address(to));
    result.row(
        "Connected after",
        "A " + millis(a.millis("connected")) + ", B " + millis(b.millis("connected")));
    result.row(
        "Agreed after",
        "A " + millis(a.millis("completed")) + ", B " + millis(b.millis("completed")));
    result.row("Round trip", millis(a.rttMillis()));
    String colour = a.received() > 0 && a.received() == a.sent() ? "green" : "red";
    result.row(
        "Payloads", "@|bold,%s %d of %d came back|@".formatted(colour, a.received(), a.sent()));
    result.print(out, INDENT);
    say("");
    out.flush();
  }

  void introduceMatrix() {
    say("@|bold 2. The same behind NATs, in a virtual Internet|@");
    say("");
    indented(
        "A NAT is the router by which a whole home shares one public address. A stranger can't send",
        "to a program behind it, until the program has sent something out. What is let in then:",
        "");
    Table kinds = new Table(ansi, "kind of NAT", "");
    for (NatMatrix.Router router : NatMatrix.Router.values()) {
      kinds.row(router.label(), router.meaning());
    }
    kinds.print(out, INDENT);
    say("");
    indented(
        "A round trip between two hosts takes " + NatMatrix.ROUND_TRIP.toMillis()
            + " ms of virtual time. Times count from the start until both could",
        "send: asking the server, swapping addresses and trying pairs all included. The server is a",
        "relay, too (TURN): it passes on what goes between programs that can't reach each other.",
        "");
    out.flush();
  }

  void tellMatrix(List<NatMatrix.Cell> cells) {
    clearProgress();
    NatMatrix.Router[] routers = NatMatrix.Router.values();
    String[] heading = new String[routers.length + 1];
    heading[0] = "A behind \\ B behind";
    for (NatMatrix.Router router : routers) {
      heading[router.ordinal() + 1] = router.label();
    }
    Table table = new Table(ansi, heading);
    for (int row = 0; row < routers.length; row++) {
      String[] texts = new String[routers.length + 1];
      texts[0] = routers[row].label();
      for (int column = 0; column < routers.length; column++) {
        texts[column + 1] = outcome(cells.get(row * routers.length + column));
      }
      table.row(texts);
    }
    table.print(out, INDENT);
    say("");
    indented(
        "\"Relay\": both routers invent a new address for every destination, or one does and the other lets",
        "in only programs that were written to. \"TCP\": one side lets no UDP through, and reaches the relay",
        "by TCP. Only then is the relay chosen: it costs a detour and somebody's server.",
        "");
  }

  /** The last words: what the exit code says too. */
  void end(PeerStory a, PeerStory b, boolean complete) {
    if (complete) {
      say(
          "@|bold,green All is well.|@ Next: frazil check stun:HOST asks a real STUN server for your "
              + "public address.");
    } else if (!a.isConnected() || !b.isConnected()) {
      say("@|bold,red They did not connect.|@ On a busy machine give them longer: --timeout S.");
    } else {
      say(
          "@|bold,red Not every payload came back.|@ On a busy machine send them slower: --interval MS.");
    }
    if (!complete) {
      say("frazil demo --events FILE writes down every decision, and why.");
    }
    out.flush();
  }

  /** Shows what is going on, on a terminal only; the next output replaces it. */
  void progress(String text) {
    if (onTerminal) {
      clearProgress();
      out.print(INDENT + text);
      out.flush();
      progressLength = INDENT.length() + text.length();
    }
  }

  private void clearProgress() {
    if (progressLength > 0) {
      out.print("\r" + " ".repeat(progressLength) + "\r");
      progressLength = 0;
    }
  }

  private static String outcome(NatMatrix.Cell cell) {
    String after = " " + whole(cell.connectMillis()) + " ms|@";
    if (cell.relay() == null) {
      return cell.direct() ? "@|green direct" + after : "@|red none|@";
    }
    return "@|cyan " + (cell.relay() == Transport.TCP ? "TCP" : "relay") + after;
  }

  private static String whole(@Nullable Double millis) {
    return millis == null ? "?" : String.valueOf(Math.round(millis));
  }

  private static String millis(@Nullable Double millis) {
    return millis == null ? "never" : String.format(Locale.ROOT, "%.1f ms", millis);
  }

  private static String address(String sdp) {
    Candidate candidate = Candidate.parse(sdp);
    return candidate == null ? sdp : candidate.address().toString();
  }

  private void indented(String... lines) {
    for (String line : lines) {
      out.println(line.isEmpty() ? "" : INDENT + line);
    }
  }

  private void say(String line) {
    out.println(ansi.string(line));
  }
}
