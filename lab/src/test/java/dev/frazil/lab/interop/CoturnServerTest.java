package dev.frazil.lab.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.frazil.lab.interop.TestNetwork.Family;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.turn.RestCredentials;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
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

/** Frazil's client relays through coturn, which has addresses of its own in a namespace: it refuses loopback. */
@Tag("interop")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Execution(ExecutionMode.SAME_THREAD)
class CoturnServerTest {
  private static final String SERVER = "turnserver";
  private static final String SERVER4 = "198.51.100.1";
  private static final String SERVER6 = "2001:db8:51::1";
  private static final String ELSEWHERE = "198.51.100.31";
  private static final int REST_PORT = 3490;
  private static final long LIMIT_SECONDS = 60;

  private final List<Process> processes = new ArrayList<>();
  private TestNetwork network;
  private Path folder;

  @BeforeAll
  void open(@TempDir Path files) throws IOException {
    folder = files;
    String missing = Namespaces.missing();
    assumeTrue(missing == null, missing);
    assumeTrue(
        Commands.tryRun("", List.of(SERVER, "--version")).exitCode() != 127,
        SERVER + " is missing (package coturn)");
    network = new TestNetwork(Nat.NONE, Nat.NONE, EnumSet.allOf(Family.class));
    String here = network.left().namespace();
    Commands.run("ip", "-n", here, "addr", "add", ELSEWHERE + "/24", "dev", "eth0");
    certify();
    serve(3478, "--lt-cred-mech", "--user", "user:pass", "--mobility");
    serve(
        REST_PORT, "--use-auth-secret", "--static-auth-secret", "shared", "--no-tls", "--no-dtls");
  }

  private String file(String name) {
    return folder.resolve(name).toString();
  }

  private void certify() {
    List<String> command = new ArrayList<>(List.of("openssl", "req", "-x509", "-nodes"));
    command.addAll(List.of("-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=coturn"));
    command.addAll(List.of("-keyout", file("key.pem"), "-out", file("certificate.pem")));
    command.addAll(List.of("-addext", "subjectAltName=IP:" + SERVER4 + ",IP:" + SERVER6));
    Commands.run("", command);
  }

  private void serve(int port, String... options) throws IOException {
    List<String> command = new ArrayList<>(List.of(SERVER, "-n", "--no-cli", "-r", "example.org"));
    command.addAll(List.of("-L", SERVER4, "-L", SERVER6, "-E", SERVER4, "-E", SERVER6));
    command.addAll(List.of("-p", Integer.toString(port), "--pidfile", file(port + ".pid")));
    command.addAll(List.of("--userdb", file(port + ".db"), "--log-file", "stdout"));
    command.addAll(List.of("--cert", file("certificate.pem"), "--pkey", file("key.pem")));
    command.addAll(List.of(options));
    processes.add(new ProcessBuilder(Namespaces.enter(network.segment(), command))
        .redirectOutput(Redirect.to(folder.resolve(port + ".log").toFile()))
        .redirectErrorStream(true)
        .start());
    List<String> sockets =
        Namespaces.enter(network.segment(), List.of("ss", "-Hltn", "sport = :" + port));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (Commands.run("", sockets).lines().count() < 2) {
      assertThat(System.nanoTime()).as("coturn listens").isLessThan(end);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }
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

  private Commands.Result run(String main, String... arguments) {
    List<String> command = new ArrayList<>(List.of("timeout", Long.toString(LIMIT_SECONDS)));
    command.addAll(List.of(Jdk.running().java(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
    command.addAll(Arrays.asList(arguments));
    return Commands.tryRun("", Namespaces.enter(network.left().namespace(), command));
  }

  private Commands.Result check(String user, String uri) {
    return run(
        "dev.frazil.cli.Main",
        "check",
        "--json",
        "--user",
        user,
        "--trust",
        file("certificate.pem"),
        uri);
  }

  @ParameterizedTest
  @CsvSource({
    "turn:198.51.100.1?transport=udp, udp",
    "turn:198.51.100.1?transport=tcp, tcp",
    "turns:198.51.100.1?transport=tcp, tls",
    "turns:198.51.100.1?transport=udp, dtls",
    "turn:[2001:db8:51::1]?transport=udp, udp",
    "turn:[2001:db8:51::1]?transport=tcp, tcp",
    "turns:[2001:db8:51::1]?transport=tcp, tls",
    "turns:[2001:db8:51::1]?transport=udp, dtls",
  })
  @Tag("STUN-1250")
  void dataGoesThroughTheRelayAndBack(String uri, String transport) {
    Commands.Result result = check("user:pass", uri);
    assertThat(result.output())
        .contains("\"transport\" : \"" + transport + "\"")
        .contains("\"problem\" : null")
        .contains("\"peer\" : \"this host\"");
    if (transport.endsWith("tls")) {
      assertThat(result.output()).contains("CN=coturn", "\"believed\" : true");
    }
    assertThat(result.output())
        .contains(uri.contains("[") ? "[ \"[2001:db8:51::1]:" : "[ \"198.51.100.1:");
    assertThat(result.exitCode()).as(result.output()).isZero();
  }

  @Test
  void credentialOfASharedSecretIsTaken() {
    String uri = "turn:" + SERVER4 + ":" + REST_PORT + "?transport=udp";
    Commands.Result good = check(rest("shared"), uri);
    assertThat(good.output()).contains("\"problem\" : null");
    assertThat(check(rest("another"), uri).output()).contains("401");
  }

  private static String rest(String secret) {
    long expiry = Instant.now().plus(Duration.ofHours(1)).getEpochSecond();
    LongTermCredential credential = RestCredentials.credential(secret, expiry, "anna");
    return credential.username() + ":" + credential.password();
  }

  @Test
  void certificateThatIsNotTrustedIsRefused() {
    Commands.Result result = run(
        "dev.frazil.cli.Main",
        "check",
        "--user",
        "user:pass",
        "turns:" + SERVER4 + "?transport=tcp");
    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.output()).contains("the certificate is self-signed, by CN=coturn");
  }

  /** RFC 6062, over TCP and over TLS. */
  @ParameterizedTest
  @ValueSource(strings = {"turn:198.51.100.1?transport=tcp", "turns:198.51.100.1?transport=tcp"})
  void streamsGoToAndComeFromPeers(String uri) {
    Commands.Result result = run(
        TurnProbe.class.getName(),
        "streams",
        uri,
        "user",
        "pass",
        network.left().outer4(),
        file("certificate.pem"));
    assertThat(result.output()).contains("connected to a peer", "a peer connected");
    assertThat(result.exitCode()).as(result.output()).isZero();
  }

  /** RFC 8016. */
  @Test
  void allocationMovesToAnotherAddress() {
    Commands.Result result = run(
        TurnProbe.class.getName(),
        "move",
        "turn:" + SERVER4,
        "user",
        "pass",
        network.left().outer4(),
        file("certificate.pem"),
        ELSEWHERE);
    assertThat(result.output()).contains("moved with its relayed address");
    assertThat(result.exitCode()).as(result.output()).isZero();
  }
}
