package dev.frazil.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ObjectNode;

/** Shows the main job to somebody who never heard of it. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    header = "See two programs find each other and talk.",
    description = {
      "In two parts: first two processes on this machine, over real sockets, with every step told as it happens. Then "
          + "the same behind all kinds of NATs, in a virtual Internet that runs faster than time.",
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  frazil demo                   the whole tour, some seconds",
      "  frazil demo --network host    over this machine's own network interfaces",
      "  frazil demo --no-matrix --count 10000 --interval 0.1",
      "  frazil demo --json            the same as one JSON object, for programs",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:they connected, and every payload came back",
      "1:they did not connect, or payloads are missing",
      "2:the command line was wrong",
    })
final class DemoCommand implements Callable<Integer> {
  /** What the two processes find each other over. */
  enum Net {
    LOOPBACK,
    HOST
  }

  @Spec
  @SuppressWarnings("NullAway.Init")
  private CommandSpec spec;

  @Option(
      names = "--network",
      paramLabel = "loopback|host",
      defaultValue = "loopback",
      description =
          "What the processes use: the loopback interface, or all the others. Default: ${DEFAULT-VALUE}.")
  @SuppressWarnings("NullAway.Init")
  private Net network;

  @Option(
      names = "--count",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Payloads to send there and back. Default: ${DEFAULT-VALUE}.")
  private int count;

  @Option(
      names = "--size",
      paramLabel = "BYTES",
      defaultValue = "64",
      description = "Bytes of each payload, at least 12. Default: ${DEFAULT-VALUE}.")
  private int size;

  @Option(
      names = "--interval",
      paramLabel = "MS",
      defaultValue = "1",
      description = "Milliseconds between payloads. Default: ${DEFAULT-VALUE}.")
  private double interval;

  @Option(
      names = "--timeout",
      paramLabel = "S",
      defaultValue = "30",
      description = "Seconds that connecting may take. Default: ${DEFAULT-VALUE}.")
  private double timeout;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Where all that is random in the virtual Internet comes from. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--no-matrix", description = "Leave out the second part.")
  private boolean withoutMatrix;

  @Option(
      names = "--events",
      paramLabel = "FILE",
      description = "Write every decision of both agents, with its reason, "
          + "to a file: one JSON object a line.")
  private @Nullable Path events;

  @Option(names = "--json", description = "Print one JSON object instead of the story.")
  private boolean json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    check();
    PrintWriter out = spec.commandLine().getOut();
    Story story = new Story(
        json ? new PrintWriter(PrintWriter.nullWriter()) : out, ansi(), Terminal.isOne() && !json);
    List<PeerStory> peers = twoProcesses(story);
    List<NatMatrix.Cell> cells = withoutMatrix ? List.of() : matrix(story);
    boolean complete = peers.get(0).sent() == count && peers.get(0).received() == count;
    story.end(peers.get(0), peers.get(1), complete);
    if (json) {
      out.println(Json.pretty(report(peers, cells, complete)));
    }
    out.flush();
    return complete ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
  }

  private List<PeerStory> twoProcesses(Story story) throws IOException, InterruptedException {
    boolean loopback = network == Net.LOOPBACK;
    Duration limit = Duration.ofMillis(Math.round(timeout * 1000));
    TwoProcesses.Settings settings =
        new TwoProcesses.Settings(loopback, count, size, interval, limit);
    story.introduceProcesses(loopback);
    try (PrintWriter log = new PrintWriter(
        events == null
            ? Writer.nullWriter()
            : Files.newBufferedWriter(events, StandardCharsets.UTF_8))) {
      List<PeerStory> peers = new TwoProcesses(settings, (name, line) -> {
            story.handle(name, line);
            if (line.has("event")) {
              log.println(Json.line(Json.object().put("peer", name).setAll(line)));
            }
          })
          .run();
      story.tellProcesses(peers.get(0), peers.get(1));
      return peers;
    }
  }

  private List<NatMatrix.Cell> matrix(Story story) {
    story.introduceMatrix();
    List<NatMatrix.Cell> cells = new ArrayList<>();
    for (NatMatrix.Router left : NatMatrix.Router.values()) {
      for (NatMatrix.Router right : NatMatrix.Router.values()) {
        story.progress("trying " + left.label() + " and " + right.label() + " …");
        cells.add(NatMatrix.run(left, right, seed));
      }
    }
    story.tellMatrix(cells);
    return cells;
  }

  private ObjectNode report(List<PeerStory> peers, List<NatMatrix.Cell> cells, boolean complete) {
    ObjectNode report = Json.object().put("network", Json.name(network)).put("complete", complete);
    report.set("peers", Json.tree(peers.stream().map(PeerStory::toJson).toList()));
    return report.set("matrix", Json.tree(cells));
  }

  private void check() {
    require(
        count >= 1 && count <= Instruction.MAX_COUNT,
        "--count",
        count,
        "1 to " + Instruction.MAX_COUNT);
    require(
        size >= Burst.MIN_SIZE && size <= Burst.MAX_SIZE,
        "--size",
        size,
        Burst.MIN_SIZE + " to " + Burst.MAX_SIZE);
    require(interval >= 0 && interval <= 60_000, "--interval", interval, "0 to 60000");
    require(timeout > 0 && timeout <= 600, "--timeout", timeout, "over 0 and at most 600");
  }

  private void require(boolean holds, String option, Object value, String rule) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), option + " " + value + ": must be " + rule);
    }
  }

  private Ansi ansi() {
    return spec.commandLine().getColorScheme().ansi();
  }
}
