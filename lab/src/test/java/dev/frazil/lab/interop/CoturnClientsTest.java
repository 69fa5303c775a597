package dev.frazil.lab.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.frazil.lab.interop.TestNetwork.Family;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The clients of coturn relay through {@code frazil serve}, which is behind no NAT while they are behind one. */
@Tag("interop")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Execution(ExecutionMode.SAME_THREAD)
class CoturnClientsTest {
  private static final String CLIENT = "turnutils_uclient";
  private static final String PEER = "turnutils_peer";
  private static final String SERVER4 = "198.51.100.1";
  private static final String SERVER6 = "2001:db8:51::1";
  private static final int MESSAGES = 20;
  private static final Pattern COUNTS =
      Pattern.compile("tot_send_msgs=(\\d+), tot_recv_msgs=(\\d+)$", Pattern.MULTILINE);
  private static final long LIMIT_SECONDS = 60;

  private final List<Process> processes = new ArrayList<>();
  private Path secrets;
  private TestNetwork network;

  @BeforeAll
  void open(@TempDir Path folder) throws IOException {
    String missing = Namespaces.missing();
    assumeTrue(missing == null, missing);
    assumeTrue(
        Commands.tryRun("", List.of(CLIENT)).exitCode() != 127,
        CLIENT + " is missing (package coturn)");
    secrets = folder;
    Commands.run(
        "",
        List.of(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "90",
            "-subj",
            "/CN=turn.example.org",
            "-keyout",
            key().toString(),
            "-out",
            certificate().toString()));
    network = new TestNetwork(Nat.MASQUERADE, Nat.NONE, EnumSet.allOf(Family.class));
    start(
        network.right().namespace(),
        List.of(PEER, "-L", network.right().outer4()),
        Redirect.DISCARD);
    start(
        network.right().namespace(),
        List.of(PEER, "-L", network.right().outer6()),
        Redirect.DISCARD);
    serve();
  }

  private void serve() throws IOException {
    List<String> command = new ArrayList<>(
        List.of(Jdk.running().java(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.frazil.cli.Main"));
    command.addAll(List.of("serve", "--listen", SERVER4, "--listen", "[" + SERVER6 + "]"));
    command.addAll(List.of("--user", "user:pass", "--secret", "shared", "--old-channel-numbers"));
    command.addAll(List.of("--cert", certificate().toString(), "--key", key().toString()));
    command.addAll(List.of("--tcp-relay", "--mobility"));
    // The machine's own socket may be that of another test's server.
    command.addAll(List.of("--control", secrets.resolve("control.sock").toString()));
    BufferedReader out = start(network.segment(), command, Redirect.PIPE).inputReader();
    String line = out.readLine();
    while (line != null && !line.startsWith("relaying")) {
      line = out.readLine();
    }
    assertThat(line).as(Files.readString(errors())).isNotNull();
  }

  private Path errors() {
    return secrets.resolve("errors.log");
  }

  private Path certificate() {
    return secrets.resolve("cert.pem");
  }

  private Path key() {
    return secrets.resolve("key.pem");
  }

  private Process start(String namespace, List<String> command, Redirect output)
      throws IOException {
    Process process = new ProcessBuilder(Namespaces.enter(namespace, command))
        .redirectOutput(output)
        .redirectError(Redirect.appendTo(errors().toFile()))
        .start();
    processes.add(process);
    return process;
  }

  @AfterAll
  void close() throws InterruptedException {
    for (Process process : processes) {
      process.destroyForcibly();
      process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
    }
    if (network != null) {
      network.close();
    }
  }

  private String run(String server, String options) {
    return runAs("-u user -w pass", server, options);
  }

  private String runAs(String login, String server, String options) {
    List<String> command =
        new ArrayList<>(List.of("timeout", Long.toString(LIMIT_SECONDS), CLIENT));
    command.addAll(List.of("-n", Integer.toString(MESSAGES)));
    Stream.of((login + " " + options).split(" "))
        .filter(option -> !option.isEmpty())
        .forEach(command::add);
    command.add(server);
    return Commands.tryRun("", Namespaces.enter(network.left().namespace(), command))
        .output();
  }

  private String toPeer() {
    return " -e " + network.right().outer4();
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "channels, -c",
    "send and data indications, -c -s",
    "channels with a second flow, ''",
    "indications with a second flow, -s",
    "three clients, -m 3",
    "extra permissions and bindings, -G",
    "payloads of 1200 bytes, -c -l 1200",
  })
  void payloadsComeBackFromAPeer(String what, String options) {
    assertAllCameBack(run(SERVER4, options + toPeer()));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "TCP, -t",
    "TLS, -t -S",
    "DTLS, -S",
  })
  void payloadsComeBackOverEachTransport(String what, String options) {
    for (String way : List.of(" -c", " -c -s", " -c -D -l 99")) {
      assertAllCameBack(run(SERVER4, options + way + toPeer()));
    }
    assertAllCameBack(run(SERVER6, options + " -c" + toPeer()));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "channels, -y",
    "indications, -y -s",
    "IPv6 relays, -y -x",
    "dual allocation, -y -Z",
    "TCP allocations, -T",
    "TCP allocations over TLS, -T -S",
  })
  void clientsReachEachOtherByTwoRelayedAddresses(String what, String options) {
    assertAllCameBack(run(SERVER4, options));
  }

  /**
   * RFC 8016 3.2: until a client sends data over its new path, its peers' goes over the old one, which this client has
   * left, and which of the two clients sends first is left to chance.
   */
  @ParameterizedTest
  @ValueSource(strings = {"-M -y -c", "-M -y", "-M -y -t", "-M -y -S"})
  void clientsReachEachOtherAfterAMove(String options) {
    assertAtLeastHalfCameBack(run(SERVER4, options));
  }

  @Test
  void relayedAddressOfTheOtherFamilyReachesItsPeers() {
    String options = "-c -x -e " + network.right().outer6();
    assertAllCameBack(run(SERVER4, options));
    assertAllCameBack(run(SERVER6, options));
  }

  @Test
  void credentialOfASharedSecretIsTaken() {
    assertAllCameBack(runAs("-u user -W shared", SERVER4, "-c" + toPeer()));
  }

  @Test
  void wrongPasswordAndWrongSecretAreRefused() {
    for (String login : List.of("-u user -w wrong", "-u user -W wrong")) {
      assertThat(runAs(login, SERVER4, "-c" + toPeer())).contains("Cannot complete Allocation");
    }
  }

  private static void assertAtLeastHalfCameBack(String output) {
    Matcher counts = COUNTS.matcher(output);
    assertThat(counts.find()).as(output).isTrue();
    int sent = Integer.parseInt(counts.group(1));
    assertThat(sent).as(output).isGreaterThanOrEqualTo(MESSAGES);
    assertThat(Integer.parseInt(counts.group(2))).as(output).isGreaterThanOrEqualTo(sent / 2);
  }

  /** RFC 8656 11.2, 14: coturn's client forbids its own system fragments, too, so this one is ours. */
  @Test
  @Tag("TURN-1310")
  void whatMustNotBeFragmentedIsLostWhereTheLinkIsTooNarrow() {
    List<String> command = List.of(
        Jdk.running().java(),
        "-cp",
        System.getProperty("java.class.path"),
        TurnProbe.class.getName(),
        "fragments",
        "turn:" + SERVER4,
        "user",
        "pass",
        network.right().outer4(),
        certificate().toString());
    Commands.Result result =
        Commands.tryRun("", Namespaces.enter(network.right().namespace(), command));
    assertThat(result.output())
        .contains(
            "fragments forbidden: true, first came 1000 bytes",
            "fragments forbidden: false, first came 1600 bytes");
  }

  /** How many flows a client has is left to chance: with or without one for RTCP. */
  private static void assertAllCameBack(String output) {
    Matcher counts = COUNTS.matcher(output);
    assertThat(counts.find()).as(output).isTrue();
    int sent = Integer.parseInt(counts.group(1));
    assertThat(sent).as(output).isGreaterThanOrEqualTo(MESSAGES);
    assertThat(Integer.parseInt(counts.group(2))).as(output).isEqualTo(sent);
    assertThat(output).contains("Total lost packets 0 ");
  }
}
