package dev.frazil.cli;

import java.io.PrintWriter;
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

/** Says what STUN servers answer, or why they don't. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    header = "Ask STUN servers for your public address.",
    description = {
      "Asks each server from each of this machine's addresses, as an agent does that gathers. Prints where the server sees "
          + "it, which is the candidate that it yields, the round trip, or what went wrong.",
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  frazil check stun:stun.example.org",
      "  frazil check stun:192.0.2.1:3478 \"stun:[2001:db8::1]\"",
      "  frazil check --json --timeout 2 stun:stun.example.org",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every server answered, at one of its addresses at least",
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
      paramLabel = "stun:HOST[:PORT]",
      description = "The servers, as URIs (RFC 7064). The port is 3478 if not given.")
  private List<String> servers = List.of();

  @Option(
      names = "--timeout",
      paramLabel = "S",
      defaultValue = "5",
      description = "Seconds to wait for an answer. Default: ${DEFAULT-VALUE}.")
  private double timeout;

  @Option(names = "--json", description = "Print a JSON array instead of the table.")
  private boolean json;

  @Override
  public Integer call() throws InterruptedException, ExecutionException {
    if (!(timeout > 0 && timeout <= 60)) {
      throw new ParameterException(
          spec.commandLine(), "--timeout " + timeout + ": must be over 0 and at most 60");
    }
    List<List<ServerCheck.Row>> checks = checkAll();
    List<ServerCheck.Row> rows = checks.stream().flatMap(List::stream).toList();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(Json.pretty(Json.tree(rows)));
    } else {
      print(rows, out);
    }
    out.flush();
    boolean allGood =
        checks.stream().allMatch(check -> check.stream().anyMatch(ServerCheck.Row::isGood));
    return allGood ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
  }

  private List<List<ServerCheck.Row>> checkAll() throws InterruptedException, ExecutionException {
    Duration limit = Duration.ofMillis(Math.round(timeout * 1000));
    ExecutorService workers = Executors.newFixedThreadPool(Math.min(servers.size(), MAX_AT_ONCE));
    try {
      List<Future<List<ServerCheck.Row>>> running = new ArrayList<>();
      servers.forEach(server -> running.add(workers.submit(new ServerCheck(server, limit)::run)));
      List<List<ServerCheck.Row>> checks = new ArrayList<>();
      for (Future<List<ServerCheck.Row>> each : running) {
        checks.add(each.get());
      }
      return checks;
    } finally {
      workers.shutdownNow();
    }
  }

  private void print(List<ServerCheck.Row> rows, PrintWriter out) {
    Table table = new Table(
        spec.commandLine().getColorScheme().ansi(),
        "server",
        "asked at",
        "from",
        "round trip",
        "result");
    for (ServerCheck.Row row : rows) {
      String from = row.local() == null ? null : row.local().ip().toString();
      table.row(
          Table.plain(row.server()),
          orDash(row.address()),
          orDash(from),
          roundTrip(row),
          result(row));
    }
    table.print(out, "");
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
