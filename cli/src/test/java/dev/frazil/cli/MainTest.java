package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  static Stream<String> commands() {
    return Main.commandLine().getSubcommands().keySet().stream()
        .filter(name -> !name.equals("help"));
  }

  @Test
  void versionTellsTheBuildAndTheJvm() {
    Cli run = Cli.run("--version");
    assertThat(run.exit()).isZero();
    assertThat(run.out()).matches("(?s)frazil \\d+\\.\\d+\\.\\d+\\S*\\RJava .+ \\(.+\\), .+\\R");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void helpOfEveryCommandHasExamplesAndExitCodes(String command) {
    Cli run = Cli.run(command, "--help");
    assertThat(run.exit()).isZero();
    assertThat(run.out())
        .contains("Examples:", "  frazil " + command, "Exit codes:", "\n  0 ", "\n  2 ");
    assertThat(Cli.run("help", command).out()).isEqualTo(run.out());
  }

  @Test
  void helpListsEveryCommandWithOneLine() {
    assertThat(Cli.run("--help").out()).contains("Examples:", "Exit codes:");
    commands()
        .forEach(command ->
            assertThat(Cli.run("--help").out()).containsPattern("\n  " + command + " +[A-Z]"));
  }

  @Test
  void everyLineOfHelpFitsAnEightyColumnTerminal() {
    Stream.concat(Stream.of(""), commands())
        .map(command -> command.isEmpty() ? Cli.run("--help") : Cli.run(command, "--help"))
        .forEach(run -> assertThat(run.out().lines()).allMatch(line -> line.length() <= 80));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "unknown",
        "demo --unknown",
        "demo --count 0",
        "demo --count many",
        "demo --network moon",
        "check",
        "check stun:x --timeout 0",
        "agent --stdio",
        "agent --controlling",
        "agent --stdio --controlling --controlled",
        "agent --stdio --controlling --size 11",
        "agent --stdio --controlling --count -1",
        "agent --stdio --controlling --pacing 4",
        "agent --stdio --controlling --interval NaN",
        "agent --stdio --controlling --timeout 0",
        "agent --stdio --controlling --policy some",
        "agent --stdio --controlling --stun host",
        "agent --stdio --controlling --stun host:0",
        "agent --stdio --controlling --stun ::1:3478",
        "agent --stdio --controlling --turn host:3478:user",
        "agent --stdio --controlling --turn host:3478:user:pass:sctp",
        "serve --deny 10.0.0.0/33",
        "serve --listen nowhere",
        "serve --ports 1-2",
        "serve --user alone",
        "serve --allocations many",
        "completion --unknown",
      })
  void wrongArgumentsExitWithTwoAndOneLineThatSaysWhy(String line) {
    Cli run = Cli.run(line.isEmpty() ? new String[0] : line.split(" "));
    assertThat(run.exit()).isEqualTo(2);
    assertThat(run.out()).isEmpty();
    assertThat(run.err())
        .startsWith("frazil")
        .contains("--help")
        .doesNotContain("Exception", "\tat ");
  }

  @Test
  void passwordOfATurnServerIsNeverPrinted() {
    Cli run =
        Cli.run("agent", "--stdio", "--controlling", "--turn", "host:3478:user:secret:more:things");
    assertThat(run.exit()).isEqualTo(2);
    assertThat(run.err()).contains("--turn", "HOST:PORT:USER:PASS").doesNotContain("secret");
  }

  @Test
  void misspeltCommandBringsASuggestion() {
    assertThat(Cli.run("chek").err()).contains("check");
  }

  @Test
  void completionScriptKnowsCommandsAndOptions() {
    Cli run = Cli.run("completion");
    assertThat(run.exit()).isZero();
    assertThat(run.out())
        .startsWith("#!")
        .contains("_complete_frazil", "--controlling", "--no-matrix");
    commands().forEach(command -> assertThat(run.out()).contains(command));
  }

  @Test
  void failureIsOneLineWithoutAStackTrace() {
    Cli run = Cli.run("demo", "--events", "/no/such/folder/events.json");
    assertThat(run.exit()).isEqualTo(1);
    assertThat(run.err().lines())
        .singleElement()
        .asString()
        .contains("/no/such/folder/events.json");
  }
}
