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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** coturn's client finds out from {@code frazil serve} how the NAT before it behaves (RFC 5780). */
@Tag("interop")
@Execution(ExecutionMode.SAME_THREAD)
class NatDiscoveryTest {
  private static final String CLIENT = "turnutils_natdiscovery";
  private static final String PRIMARY = "198.51.100.1";
  private static final String ALTERNATE = "198.51.100.2";
  private static final long LIMIT_SECONDS = 60;

  private TestNetwork network;
  private Process server;

  @AfterEach
  void close() throws InterruptedException {
    if (server != null) {
      server.destroyForcibly();
      server.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
    }
    if (network != null) {
      network.close();
    }
  }

  private void open(Nat nat, List<String> options) throws IOException {
    String missing = Namespaces.missing();
    assumeTrue(missing == null, missing);
    assumeTrue(
        Commands.tryRun("", List.of(CLIENT)).exitCode() != 127,
        CLIENT + " is missing (package coturn)");
    network = new TestNetwork(nat, Nat.NONE, EnumSet.of(Family.IPV4));
    Commands.run(
        "",
        Namespaces.enter(
            network.segment(), List.of("ip", "address", "add", ALTERNATE + "/24", "dev", "lan")));
    List<String> command = new ArrayList<>(
        List.of(Jdk.running().java(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.frazil.cli.Main"));
    command.addAll(List.of("serve", "--listen", PRIMARY, "--alternate", ALTERNATE));
    command.addAll(options);
    server = new ProcessBuilder(Namespaces.enter(network.segment(), command))
        .redirectError(Redirect.DISCARD)
        .start();
    BufferedReader out = server.inputReader();
    String line = out.readLine();
    while (line != null && !line.contains(ALTERNATE + ":3479")) {
      line = out.readLine();
    }
    assertThat(line).as("the server listens").isNotNull();
  }

  private String discover(String what, String local) {
    List<String> command = List.of(
        "timeout", Long.toString(LIMIT_SECONDS), CLIENT, what, "-L", local, "-l", "40000", PRIMARY);
    return Commands.tryRun("", Namespaces.enter(network.left().namespace(), command))
        .output();
  }

  @ParameterizedTest(name = "{0} {4}")
  @CsvSource(delimiter = '|', textBlock = """
          NONE       | 198.51.100.11 | No NAT! (Endpoint Independent Mapping)      | NAT with Endpoint Independent Filtering!       | ''
          MASQUERADE | 192.168.1.10  | NAT with Endpoint Independent Mapping!      | NAT with Address and Port Dependent Filtering! | --user user:pass --threads 2
          RANDOM     | 192.168.1.10  | NAT with Address and Port Dependent Mapping! | NAT with Address and Port Dependent Filtering! | ''
          """)
  void natIsKnown(Nat nat, String local, String mapping, String filtering, String options)
      throws IOException {
    open(nat, options.isEmpty() ? List.of() : List.of(options.split(" ")));
    assertThat(discover("-m", local)).contains(mapping);
    assertThat(discover("-f", local)).contains(filtering);
    assertThat(discover("-mP", local)).as("in fragments").contains(mapping);
  }
}
