package dev.frazil.cli;

import dev.frazil.netty.IceRuntime;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says what STUN servers answer and whether TURN servers relay, or why they don't. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    header = "Ask STUN servers for your public address, and TURN servers to relay.",
    description = {
      "Asks each server from each of this machine's addresses, as an agent does that gathers. Prints where the server sees "
          + "it, which is the candidate that it yields, the round trip, or what went wrong.",
      "A TURN server is used: for an allocation, a permission, and data through the relay and back. The peer is this "
          + "machine or, where the server denies that, a second allocation. Without a transport in the URI, turn: is tested "
          + "over UDP and TCP, and turns: over TLS and DTLS.",
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  frazil check stun:stun.example.org",
      "  frazil check stun:192.0.2.1:3478 \"stun:[2001:db8::1]\"",
      "  frazil check --json --timeout 2 stun:stun.example.org",
      "  frazil check --user anna:secret turn:turn.example.org turns:turn.example.org:443?transport=tcp",
      "  FRAZIL_USER=anna:secret frazil check turns:turn.example.org",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every server answered or relayed, at one of its addresses or over one of its transports at least",
      "1:a server did not",
      "2:the command line was wrong",
    })
final class CheckCommand implements Callable<Integer> {
  private static final int MAX_AT_ONCE = 16;

  @Spec
  @SuppressWarnings("NullAway.Init")
  private CommandSpec spec;

  @Parameters(
      arity = "1..*",
      paramLabel = "URI",
      description = {
        "The servers: stun:HOST[:PORT], turn:HOST[:PORT][?transport=udp|tcp] or turns:… (RFC 7064, RFC 7065). The port is "
            + "3478 if not given, and 5349 for turns:.",
      })
  private List<String> servers = List.of();

  @Option(
      names = "--timeout",
      paramLabel = "S",
      defaultValue = "5",
      description = "Seconds to wait for an answer. Default: ${DEFAULT-VALUE}.")
  private double timeout;

  @Option(
      names = "--user",
      paramLabel = "NAME:PASSWORD",
      description = {
        "The account on the TURN servers; TIME:ID:PASSWORD where a REST service gave it. Others can see a command line: "
            + "the environment variable FRAZIL_USER is taken, too.",
      })
  private @Nullable String user;

  @Option(
      names = "--trust",
      paramLabel = "FILE",
      description =
          "Believe certificates of the authorities in this PEM file instead of the system's.")
  private @Nullable Path trust;

  @Option(names = "--json", description = "Print a JSON array instead of the table.")
  private boolean json;

  @Override
  public Integer call() throws InterruptedException, ExecutionException {
    if (!(timeout > 0 && timeout <= 60)) {
      throw new ParameterException(
          spec.commandLine(), "--timeout " + timeout + ": must be over 0 and at most 60");
    }
    List<List<? extends CheckRow>> checks = checkAll();
    List<? extends CheckRow> rows = checks.stream().flatMap(List::stream).toList();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(Json.pretty(Json.tree(rows)));
    } else {
      print(rows, out);
    }
    out.flush();
    boolean allGood = checks.stream().allMatch(check -> check.stream().anyMatch(CheckRow::isGood));
    return allGood ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
  }

  /** The colon behind the name: the second one where a time is in front, as in names of REST services. */
  private static int nameEnd(String account) {
    boolean rest = account.matches("[0-9]{9,}:[^:]*:.*");
    return account.indexOf(':', rest ? account.indexOf(':') + 1 : 0);
  }

  private TurnCheck.Settings settings(IceRuntime runtime) {
    String given = user == null ? System.getenv("FRAZIL_USER") : user;
    int colon = given == null ? -1 : nameEnd(given);
    if (given != null && colon < 1) {
      throw new ParameterException(
          spec.commandLine(), "--user (hidden): must be NAME:PASSWORD, as FRAZIL_USER must");
    }
    if (trust != null && !Files.isReadable(trust)) {
      throw new ParameterException(spec.commandLine(), "--trust " + trust + ": can't be read");
    }
    return new TurnCheck.Settings(
        runtime,
        given == null ? null : given.substring(0, colon),
        given == null ? null : given.substring(colon + 1),
        trust,
        Duration.ofMillis(Math.round(timeout * 1000)));
  }

  private List<List<? extends CheckRow>> checkAll()
      throws InterruptedException, ExecutionException {
    ExecutorService workers = Executors.newFixedThreadPool(Math.min(servers.size(), MAX_AT_ONCE));
    try (IceRuntime runtime = IceRuntime.create()) {
      TurnCheck.Settings settings = settings(runtime);
      List<Future<List<? extends CheckRow>>> running = new ArrayList<>();
      servers.forEach(
          server -> running.add(workers.submit(() -> ServerCheck.run(server, settings))));
      List<List<? extends CheckRow>> checks = new ArrayList<>();
      for (Future<List<? extends CheckRow>> each : running) {
        checks.add(each.get());
      }
      return checks;
    } finally {
      workers.shutdownNow();
    }
  }

  /** A table for the servers of STUN, and one for those of TURN. */
  private void print(List<? extends CheckRow> rows, PrintWriter out) {
    Table stun = new Table(
        spec.commandLine().getColorScheme().ansi(),
        "server",
        "asked at",
        "from",
        "round trip",
        "result");
    Table turn = new Table(spec.commandLine().getColorScheme().ansi(), TurnCheck.HEADING);
    int relays = 0;
    for (CheckRow row : rows) {
      if (row instanceof TurnCheck.Row relay) {
        turn.row(TurnCheck.cells(relay));
        relays++;
      } else if (row instanceof ServerCheck.Row answer) {
        addTo(stun, answer);
      }
    }
    if (relays < rows.size()) {
      stun.print(out, "");
    }
    if (relays > 0) {
      turn.print(out, "");
    }
  }

  private static void addTo(Table table, ServerCheck.Row row) {
    String from = row.local() == null ? null : row.local().ip().toString();
    table.row(
        Table.plain(row.server()),
        orDash(row.address()),
        orDash(from),
        roundTrip(row),
        result(row));
  }

  private static String result(ServerCheck.Row row) {
    if (row.candidate() == null) {
      return "@|red " + Table.plain(String.valueOf(row.problem())) + "|@";
    }
    boolean direct = row.candidate().related() == null;
    return "@|green seen as " + row.candidate().address() + "|@"
        + (direct ? ", no NAT between" : ", NAT before " + row.local());
  }

  private static String roundTrip(ServerCheck.Row row) {
    if (row.rttMillis() == null) {
      return "-";
    }
    String time = String.format(Locale.ROOT, "%.1f ms", row.rttMillis());
    return row.sends() == 1 ? time : time + " (try " + row.sends() + ")";
  }

  private static String orDash(@Nullable String text) {
    return text == null ? "-" : text;
  }
}
