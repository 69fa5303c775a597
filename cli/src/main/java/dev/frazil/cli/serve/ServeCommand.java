package dev.frazil.cli.serve;

import dev.frazil.server.ConfigurationException;
import dev.frazil.server.FrazilServer;
import dev.frazil.server.IceServer;
import dev.frazil.server.ServerConfiguration;
import dev.frazil.server.ServerControl;
import dev.frazil.server.Settings;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.System.Logger.Level;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** Runs a STUN and TURN server until it is told to end. */
@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    abbreviateSynopsis = true,
    header = "Run a STUN and TURN server.",
    description = {
      "Tells clients their public address (STUN) and relays for those who may (TURN, RFC 8656), over UDP and TCP, and over "
          + "TLS and DTLS where it has a certificate. Without users, secrets and keys nobody may relay. Private and special "
          + "addresses, and those of this host, are no peers unless allowed.",
      "",
      "The file is TOML and has the same settings as the options, as in: listen = [\"192.0.2.1:3478\"], stun-only = true. An "
          + "option counts instead of what the file says. Users stand in the table [users], a line each: NAME = "
          + "\"PASSWORD\".",
      "",
      "SIGTERM ends the server when the last allocation has ended, or after the time of --drain; a second one, or "
          + "SIGINT, ends it at once. SIGHUP reads the files again: users, secrets, keys, certificates, limits and peer "
          + "rules, and opens the log anew; allocations stay. When a file is wrong, the old settings stay.",
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  frazil serve --stun-only",
      "  frazil serve --config /etc/frazil.toml",
      "  frazil serve --config /etc/frazil.toml --check",
      "  frazil serve --config /etc/frazil.toml --print-credentials alice",
      "  frazil serve --coturn-config /etc/turnserver.conf --check",
      "  frazil serve --user alice:password --external 203.0.113.1",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:ended as asked; with --check: the configuration is good",
      "1:it could not start, as when a port is in use",
      "2:the command line or the file was wrong",
    })
public final class ServeCommand implements Callable<Integer> {
  private static final System.Logger LOGGER = System.getLogger(ServeCommand.class.getName());

  @Spec
  @SuppressWarnings("NullAway.Init")
  private CommandSpec spec;

  @Option(
      names = {"-c", "--config"},
      paramLabel = "FILE",
      description = "A TOML file with settings.")
  private @Nullable Path file;

  @Option(
      names = "--coturn-config",
      paramLabel = "FILE",
      description =
          "A turnserver.conf of coturn's. What has no effect is named. --config and options count instead of what it says.")
  private @Nullable Path coturnFile;

  @Option(names = "--check", description = "Check the configuration, and do nothing else.")
  private boolean check;

  @Option(
      names = "--print-credentials",
      paramLabel = "NAME",
      description = "Print iceServers as JSON for a user, and do nothing else.")
  private @Nullable String user;

  @Option(
      names = "--ttl",
      paramLabel = "S",
      defaultValue = "86400",
      description = "Seconds that credentials of a secret are good for. Default: ${DEFAULT-VALUE}.")
  private long ttl;

  private List<String> notes = List.of();

  /** Made by picocli. */
  public ServeCommand() {}

  /** Gives the command its options; picocli's annotations have but those that are no settings. */
  public static void prepare(CommandLine command) {
    ServeOptions.addTo(command.getCommandSpec());
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    try {
      ServerConfiguration configuration = configuration();
      notes.forEach(this::say);
      if (user == null) {
        configuration.advice().forEach(advice -> say("warning: " + advice));
      }
      if (user != null) {
        return printCredentials(configuration, user);
      } else if (check) {
        FrazilServer.check(configuration);
        spec.commandLine().getOut().println("The configuration is good.");
        return CommandLine.ExitCode.OK;
      }
      return serve(configuration);
    } catch (ConfigurationException e) {
      String message = String.valueOf(e.getMessage());
      if (message.startsWith("--")) {
        throw new ParameterException(spec.commandLine(), message);
      }
      return complain(message);
    } catch (NoSuchFileException e) {
      return complain(e.getFile() + ": there is no such file");
    }
  }

  private ServerConfiguration configuration() throws IOException, ConfigurationException {
    Settings settings = coturnFile == null ? new Settings() : Settings.readCoturn(coturnFile);
    if (file != null) {
      settings.add(Settings.read(file));
    }
    ServeOptions.read(spec.commandLine().getParseResult(), settings);
    notes = settings.notes();
    return settings.build();
  }

  private void say(String message) {
    spec.commandLine().getErr().println(spec.qualifiedName() + ": " + message);
  }

  private int complain(String message) {
    say(message);
    return CommandLine.ExitCode.USAGE;
  }

  private int printCredentials(ServerConfiguration configuration, String name)
      throws IOException, ConfigurationException {
    IceServer server = configuration.iceServer(name, Instant.now().plusSeconds(ttl));
    spec.commandLine()
        .getOut()
        .println(new JsonMapper()
            .writerWithDefaultPrettyPrinter()
            .writeValueAsString(Map.of("iceServers", List.of(server))));
    return CommandLine.ExitCode.OK;
  }

  private int serve(ServerConfiguration configuration)
      throws IOException, ConfigurationException, InterruptedException {
    try (ServeLog log = ServeLog.start(configuration.log());
        FrazilServer server = FrazilServer.start(configuration)) {
      handleSignals(server, log);
      control(server, configuration);
      PrintWriter out = spec.commandLine().getOut();
      server.listeners().forEach(listener -> out.println("listening on " + listener));
      LOGGER.log(Level.DEBUG, () -> "event=started engine=" + server.engine());
      if (server.metricsPort() > 0) {
        out.println("metrics and health on port " + server.metricsPort());
      }
      out.println(
          server.relays()
              ? "relaying for those who may"
              : "answering STUN Binding requests only"
                  + (configuration.stunOnly() ? "" : "; to relay, name users or a secret"));
      out.flush();
      server.notifySystemd(System.getenv());
      server.closed().join();
    }
    return CommandLine.ExitCode.OK;
  }

  /** Where nobody chose a socket, a server goes on without one. */
  private static void control(FrazilServer server, ServerConfiguration configuration) {
    if (configuration.control().isPresent() || !configuration.hasControl()) {
      return;
    }
    try {
      server.control(ServerControl.defaultSocket(System.getenv()));
    } catch (IOException e) {
      LOGGER.log(Level.WARNING, e.getMessage() + "; `frazil sessions` can't ask this server");
    }
  }

  private void handleSignals(FrazilServer server, ServeLog log) {
    AtomicBoolean draining = new AtomicBoolean();
    Signals.handle("TERM", () -> {
      if (draining.compareAndSet(false, true)) {
        server.drain();
      } else {
        server.close();
      }
    });
    Signals.handle("INT", server::close);
    Signals.handle("HUP", () -> {
      try {
        ServerConfiguration configuration = configuration();
        log.reopen(configuration.log());
        server.reconfigure(configuration);
      } catch (IOException | ConfigurationException e) {
        LOGGER.log(Level.ERROR, "the old settings stay: " + e.getMessage());
      }
    });
  }
}
