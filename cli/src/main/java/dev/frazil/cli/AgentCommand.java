package dev.frazil.cli;

import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.netty.IceRuntime;
import java.io.BufferedInputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Runs one agent that another program steers: the peer of the agent protocol. */
@Command(
    name = "agent",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    header = "Run one agent that another program steers.",
    description = {
      "Speaks JSON lines on standard input and output. Start two of them, copy each one's credentials, candidate and "
          + "end-of-candidates lines to the other, and they connect and exchange payloads.",
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  frazil agent --stdio --controlling --stun stun.example.org:3478 --trickle",
      "  frazil agent --stdio --controlled --loopback --events events.json",
      "",
      "The first line to type is {\"type\":\"start\"}, the last one {\"type\":\"stop\"}.",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:stopped, or standard input ended",
      "1:an internal error",
      "2:the command line was wrong",
    })
final class AgentCommand implements Callable<Integer> {
  /** Sets the role by one of two options. */
  static final class RoleChoice {
    private Role role = Role.CONTROLLED;

    @Option(
        names = "--controlling",
        required = true,
        description = "Start in the controlling role: send payloads.")
    void controlling(boolean chosen) {
      role = Role.CONTROLLING;
    }

    @Option(
        names = "--controlled",
        required = true,
        description = "Start in the controlled role: send them back.")
    void controlled(boolean chosen) {
      role = Role.CONTROLLED;
    }
  }

  /** Which candidates are told and used. */
  enum Policy {
    ALL,
    RELAY
  }

  @Spec
  @SuppressWarnings("NullAway.Init")
  private CommandSpec spec;

  @Option(names = "--stdio", required = true, description = "Speak on standard input and output.")
  void stdio(boolean chosen) {
    // There is no other way to speak yet.
  }

  @ArgGroup(multiplicity = "1")
  @SuppressWarnings("NullAway.Init")
  private RoleChoice choice;

  @Option(
      names = "--stun",
      paramLabel = "HOST:PORT",
      converter = ServerArgument.Stun.class,
      description = "Ask this STUN server for the address that others see; may be repeated.")
  private List<StunServer> stunServers = new ArrayList<>();

  @Option(
      names = "--turn",
      paramLabel = "HOST:PORT:USER:PASS[:udp|tcp|tls]",
      converter = ServerArgument.Turn.class,
      description = "Ask this TURN server for a relayed address; may be repeated.")
  private List<TurnServer> turnServers = new ArrayList<>();

  @Option(
      names = "--trust",
      paramLabel = "FILE",
      description =
          "Believe the certificates of TURN servers that these authorities have signed, in PEM. "
              + "Default: the authorities that Java knows.")
  private @Nullable Path trust;

  @Option(
      names = "--policy",
      paramLabel = "all|relay",
      defaultValue = "all",
      description = "relay: tell and use relayed candidates only. Default: ${DEFAULT-VALUE}.")
  @SuppressWarnings("NullAway.Init")
  private Policy policy;

  @Option(
      names = "--trickle",
      description = "Tell and use candidates as they are found (RFC 8838).")
  private boolean trickle;

  @Option(
      names = "--count",
      paramLabel = "N",
      defaultValue = "100",
      description = "Payloads that the controlling peer sends. Default: ${DEFAULT-VALUE}.")
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
      defaultValue = "10",
      description = "Milliseconds between payloads. Default: ${DEFAULT-VALUE}.")
  private double interval;

  @Option(
      names = "--loopback",
      description = "Loopback addresses count as candidates, for tests on one machine.")
  private boolean loopback;

  @Option(
      names = "--interface",
      paramLabel = "NAME",
      description = "Use this network interface only; may be repeated. Default: all.")
  private Set<String> interfaces = Set.of();

  @Option(names = "--lite", description = "Be a lite agent (RFC 8445 2.5).")
  private boolean lite;

  @Option(
      names = "--pacing",
      paramLabel = "MS",
      defaultValue = "10",
      description =
          "Milliseconds between checks to propose to the other side, 5 to 1000. Default: ${DEFAULT-VALUE}.")
  private int pacing;

  @Option(
      names = "--timeout",
      paramLabel = "S",
      defaultValue = "60",
      description = "Seconds after which to give up connecting. Default: ${DEFAULT-VALUE}.")
  private double timeout;

  @Option(
      names = "--events",
      paramLabel = "FILE",
      description =
          "Write what is decided and why as JSON lines to a file, to \"stderr\", or with \"-\" among the "
              + "peer's own lines with the type \"info\".")
  private @Nullable String events;

  @Override
  public Integer call() throws IOException {
    PeerSettings settings = settings();
    InputStream in = new BufferedInputStream(new FileInputStream(FileDescriptor.in));
    OutputStream out = new FileOutputStream(FileDescriptor.out);
    System.setOut(System.err); // whoever prints, only lines of the protocol go to standard output
    run(settings, in, out);
    return CommandLine.ExitCode.OK;
  }

  PeerSettings settings() {
    require(
        count >= 0 && count <= Instruction.MAX_COUNT,
        "--count",
        count,
        "0 to " + Instruction.MAX_COUNT);
    require(
        size >= Burst.MIN_SIZE && size <= Burst.MAX_SIZE,
        "--size",
        size,
        Burst.MIN_SIZE + " to " + Burst.MAX_SIZE);
    require(interval >= 0 && interval <= 60_000, "--interval", interval, "0 to 60000");
    require(pacing >= 5 && pacing <= 1000, "--pacing", pacing, "5 to 1000");
    require(timeout > 0 && timeout <= 86_400, "--timeout", timeout, "over 0 and at most 86400");
    return new PeerSettings(
        choice.role,
        stunServers,
        turnServers,
        trust == null ? null : authorities(trust),
        policy == Policy.RELAY,
        trickle,
        count,
        size,
        interval,
        loopback,
        interfaces,
        lite,
        pacing,
        Duration.ofMillis(Math.round(timeout * 1000)));
  }

  private void require(boolean holds, String option, Object value, String rule) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), option + " " + value + ": must be " + rule);
    }
  }

  void run(PeerSettings settings, InputStream in, OutputStream out) throws IOException {
    PeerLines lines = new PeerLines(out);
    try (IceRuntime runtime = IceRuntime.builder().eventLoops(1).build();
        Peer peer = new Peer(settings, runtime, lines, log(lines));
        OnExit exit = new OnExit(peer::close)) {
      WarmUp.run(runtime);
      lines.hello(Main.Version.number());
      obey(new LineReader(in), peer, lines);
    }
  }

  private KeyStore authorities(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        store.setCertificateEntry("authority " + store.size(), each);
      }
      require(store.size() > 0, "--trust", file, "certificates in PEM");
      return store;
    } catch (IOException | GeneralSecurityException e) {
      throw new ParameterException(spec.commandLine(), "--trust " + file + ": " + e.getMessage());
    }
  }

  private EventLog log(PeerLines lines) throws IOException {
    if (events == null) {
      return EventLog.none();
    }
    return events.equals("-") ? EventLog.among(lines) : EventLog.to(events, lines);
  }

  /** Follows the harness until it says stop or is gone. */
  static void obey(LineReader in, Peer peer, PeerLines lines) {
    while (true) {
      try {
        String line = in.next();
        if (line == null) {
          return;
        }
        Instruction instruction = Instruction.parse(line);
        if (instruction instanceof Instruction.Stop) {
          return;
        } else if (instruction != null) {
          peer.tell(instruction);
        }
      } catch (LineReader.LineTooLong | IllegalArgumentException e) {
        lines.error(String.valueOf(e.getMessage()));
      } catch (IOException e) {
        return;
      }
    }
  }
}
