package dev.frazil.cli;

import dev.frazil.server.ServerControl;
import dev.frazil.server.ServerSession;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Lists the allocations of a running server, and ends some. */
@Command(
    name = "sessions",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    header = "List the allocations of a server that runs on this host, or end some.",
    description = {
      "Asks the server over a socket in the file system, which belongs to the user that the server runs as; root may ask, "
          + "too. Columns: to peers and to client count payloads and their bytes.",
      "",
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  frazil sessions",
      "  frazil sessions --user alice --json",
      "  frazil sessions --end 17 --end 18",
      "  frazil sessions --end-user alice",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "1:no server answered, or there is no such session",
      "2:the command line was wrong",
    })
final class SessionsCommand implements Callable<Integer> {
  private static final long KIB = 1024;

  @Spec
  @SuppressWarnings("NullAway.Init")
  private CommandSpec spec;

  @Option(
      names = "--control",
      paramLabel = "PATH",
      description =
          "The server's socket. Default: where a server of this user, or the system's, listens.")
  private @Nullable Path socket;

  @Option(
      names = "--user",
      paramLabel = "NAME",
      description =
          "List those of one user, named as the table names them or without the time before the colon.")
  private @Nullable String user;

  @Option(names = "--json", description = "Print JSON, an object for each.")
  private boolean json;

  @Option(names = "--end", paramLabel = "ID", description = "End a session; may be repeated.")
  private @Nullable List<Long> end;

  @Option(names = "--end-user", paramLabel = "NAME", description = "End all sessions of a user.")
  private @Nullable String endUser;

  @Override
  public Integer call() throws IOException {
    ServerControl server =
        new ServerControl(socket == null ? ServerControl.findSocket(System.getenv()) : socket);
    PrintWriter out = spec.commandLine().getOut();
    if (end == null && endUser == null) {
      list(server.sessions(), out);
      return CommandLine.ExitCode.OK;
    }
    int ended = 0;
    if (end != null) {
      for (long id : end) {
        server.end(id);
        ended++;
      }
    }
    if (endUser != null) {
      ended += server.endUser(endUser);
    }
    out.println(ended == 1 ? "1 session was ended" : ended + " sessions were ended");
    return CommandLine.ExitCode.OK;
  }

  private void list(List<ServerSession> all, PrintWriter out) {
    List<ServerSession> sessions = all.stream().filter(this::isWanted).toList();
    if (json) {
      out.println(Json.pretty(Json.tree(sessions)));
    } else if (sessions.isEmpty()) {
      out.println("no sessions");
    } else {
      table(sessions).print(out, "");
    }
  }

  private boolean isWanted(ServerSession session) {
    String name = session.user();
    return user == null
        || name.equals(user)
        || name.substring(name.indexOf(':') + 1).equals(user);
  }

  private Table table(List<ServerSession> sessions) {
    Table table = new Table(
        spec.commandLine().getColorScheme().ansi(),
        "ID",
        "USER",
        "CLIENT",
        "RELAYED",
        "PERMISSIONS",
        "CHANNELS",
        "TO PEERS",
        "TO CLIENT");
    for (ServerSession each : sessions) {
      table.row(
          Long.toString(each.id()),
          Table.plain(printable(each.user())),
          each.transport() + " " + each.client(),
          String.join(", ", each.relayed()),
          Integer.toString(each.permissions()),
          Integer.toString(each.channels()),
          traffic(each.packetsToPeers(), each.bytesToPeers()),
          traffic(each.packetsToClient(), each.bytesToClient()));
    }
    return table;
  }

  /** A name from the network must not move the cursor. */
  private static String printable(String name) {
    return name.replaceAll("[^\\x20-\\x7E]", "?");
  }

  private static String traffic(long packets, long bytes) {
    return packets + " (" + (bytes < 10 * KIB ? bytes + " B" : bytes / KIB + " KiB") + ")";
  }
}
