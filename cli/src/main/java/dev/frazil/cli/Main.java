package dev.frazil.cli;

import dev.frazil.cli.serve.ServeCommand;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command {@code frazil}. */
@Command(
    name = "frazil",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      DemoCommand.class,
      CheckCommand.class,
      AgentCommand.class,
      ServeCommand.class,
      SessionsCommand.class,
      CompletionCommand.class
    },
    description =
        "Finds the best network path between two hosts, whatever NATs and firewalls stand between them, and "
            + "keeps that path alive.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  frazil demo                         see two programs find each other",
      "  frazil check stun:stun.example.org  ask a STUN server for your public address",
      "  frazil serve --stun-only            run a STUN server; with users, a relay too",
      "  frazil help demo                    what a command can do",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done, and all was well",
      "1:done, but something failed; the output says what",
      "2:the command line was wrong",
    })
public final class Main implements Runnable {
  @Spec
  @SuppressWarnings("NullAway.Init")
  private CommandSpec spec;

  private Main() {}

  /** Runs the command and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  /** The whole command, ready to run. */
  static CommandLine commandLine() {
    CommandLine command = new CommandLine(new Main());
    ServeCommand.prepare(Objects.requireNonNull(command.getSubcommands().get("serve")));
    return command
        .addSubcommand(new CommandLine.HelpCommand())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setColorScheme(CommandLine.Help.defaultColorScheme(
            Terminal.isDumb() ? CommandLine.Help.Ansi.OFF : CommandLine.Help.Ansi.AUTO))
        .setParameterExceptionHandler(Main::refuse)
        .setExecutionExceptionHandler(Main::fail);
  }

  @Option(
      names = {"-v", "--verbose"},
      scope = ScopeType.INHERIT,
      description = "Say more on standard error; twice: every detail.")
  void verbose(boolean[] times) {
    Logging.verbosity(times.length);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  private static int refuse(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    String name = command.getCommandSpec().qualifiedName();
    err.println(name + ": " + e.getMessage());
    CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
    err.println("Try: " + name + " --help");
    return CommandLine.ExitCode.USAGE;
  }

  private static int fail(Exception e, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    String message = e.getMessage() == null ? e.toString() : e.getMessage();
    err.println(command.getCommandSpec().qualifiedName() + ": " + message);
    if (parsed.expandedArgs().stream().anyMatch(argument -> argument.matches("-v+|--verbose"))) {
      e.printStackTrace(err);
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  /** Tells the version that the build wrote down. */
  static final class Version implements IVersionProvider {
    static String number() {
      try (InputStream text = Main.class.getResourceAsStream("version.txt")) {
        return text == null
            ? "unknown"
            : new String(text.readAllBytes(), StandardCharsets.UTF_8).strip();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public String[] getVersion() {
      return new String[] {
        "frazil " + number(),
        "Java ${java.version} (${java.vm.name}), ${os.name} ${os.version} ${os.arch}",
      };
    }
  }
}
