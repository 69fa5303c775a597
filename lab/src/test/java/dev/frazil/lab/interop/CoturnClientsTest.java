package dev.frazil.lab.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.frazil.lab.interop.TestNetwork.Family;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
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
  private TestNetwork network;

  @BeforeAll
  void open() throws IOException {
    String missing = Namespaces.missing();
    assumeTrue(missing == null, missing);
    assumeTrue(
        Commands.tryRun("", List.of(CLIENT)).exitCode() != 127,
        CLIENT + " is missing (package coturn)");
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
    command.addAll(List.of(
        "--control", "/tmp/frazil-coturn-clients-" + ProcessHandle.current().pid()));
    BufferedReader out = start(network.segment(), command, Redirect.PIPE).inputReader();
    String line = out.readLine();
    while (line != null && !line.startsWith("relaying")) {
      line = out.readLine();
    }
    assertThat(line).as("the server relays").isNotNull();
  }

  private Process start(String namespace, List<String> command, Redirect output)
      throws IOException {
    Process process = new ProcessBuilder(Namespaces.enter(namespace, command))
        .redirectOutput(output)
        .redirectError(Redirect.DISCARD)
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

  private String run(String... arguments) {
    List<String> command =
        new ArrayList<>(List.of("timeout", Long.toString(LIMIT_SECONDS), CLIENT));
    command.addAll(List.of("-n", Integer.toString(MESSAGES)));
    command.addAll(List.of(arguments));
    return Commands.tryRun("", Namespaces.enter(network.left().namespace(), command))
        .output();
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
    List<String> arguments = new ArrayList<>(List.of("-u", "user", "-w", "pass"));
    arguments.addAll(List.of("-e", network.right().outer4()));
    Stream.of(options.split(" ")).filter(option -> !option.isEmpty()).forEach(arguments::add);
    arguments.add(SERVER4);
    assertAllCameBack(run(arguments.toArray(String[]::new)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"-y", "-y -s", "-y -x"})
  void clientsReachEachOtherByTwoRelayedAddresses(String options) {
    List<String> arguments = new ArrayList<>(List.of("-u", "user", "-w", "pass"));
    arguments.addAll(List.of(options.split(" ")));
    arguments.add(SERVER4);
    assertAllCameBack(run(arguments.toArray(String[]::new)));
  }

  @Test
  void relayedAddressOfTheOtherFamilyReachesItsPeers() {
    String peer = network.right().outer6();
    assertAllCameBack(run("-u", "user", "-w", "pass", "-c", "-x", "-e", peer, SERVER4));
    assertAllCameBack(run("-u", "user", "-w", "pass", "-c", "-x", "-e", peer, SERVER6));
  }

  @Test
  void credentialOfASharedSecretIsTaken() {
    assertAllCameBack(
        run("-u", "user", "-W", "shared", "-c", "-e", network.right().outer4(), SERVER4));
  }

  @Test
  void wrongPasswordAndWrongSecretAreRefused() {
    String peer = network.right().outer4();
    assertThat(run("-u", "user", "-w", "wrong", "-c", "-e", peer, SERVER4))
        .contains("Cannot complete Allocation");
    assertThat(run("-u", "user", "-W", "wrong", "-c", "-e", peer, SERVER4))
        .contains("Cannot complete Allocation");
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
