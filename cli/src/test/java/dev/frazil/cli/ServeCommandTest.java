package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

class ServeCommandTest {
  private static final long LIMIT_SECONDS = 60;

  @TempDir
  private Path folder;

  private String file(String text) throws IOException {
    return Files.writeString(folder.resolve("frazil.toml"), text).toString();
  }

  @Test
  void checkSaysThatAConfigurationIsGoodAndEnds() throws IOException {
    Cli run = Cli.run(
        "serve", "--check", "--config", file("listen = '127.0.0.1'\n[users]\nalice = 'x'\n"));
    assertThat(run.exit()).isZero();
    assertThat(run.out()).contains("good");
  }

  @Test
  void badDenyRuleRefusesToStartWithFileAndLine() throws IOException {
    String file = file("listen = '127.0.0.1:0'\ndeny = '10.0.0.0/33'\n[users]\nalice = 'x'\n");
    for (Cli run : List.of(
        Cli.run("serve", "--config", file), Cli.run("serve", "--check", "--config", file))) {
      assertThat(run.exit()).isEqualTo(2);
      assertThat(run.out()).isEmpty();
      assertThat(run.err().lines())
          .singleElement()
          .asString()
          .startsWith("frazil serve: " + file + ":2: deny: ")
          .contains("10.0.0.0/33");
    }
  }

  @Test
  void fileThatIsNotThereIsSaid() {
    Cli run = Cli.run("serve", "--config", "/no/such.toml");
    assertThat(run.exit()).isEqualTo(2);
    assertThat(run.err().lines()).singleElement().asString().contains("/no/such.toml");
  }

  @Test
  void fileOfCoturnIsCheckedAndWhatHasNoEffectIsNamed() throws IOException {
    Path file = Files.writeString(
        folder.resolve("turnserver.conf"),
        "listening-ip=127.0.0.1\nuser=alice:wonder\npidfile=/run/turn.pid\n");
    Cli run = Cli.run("serve", "--check", "--coturn-config", file.toString());
    assertThat(run.exit()).isZero();
    assertThat(run.out()).contains("good");
    assertThat(run.err()).contains("frazil serve: " + file + ":3: pidfile: has no effect: ");
    Files.writeString(file, "no-auth\n");
    Cli open = Cli.run("serve", "--coturn-config", file.toString());
    assertThat(open.exit()).isEqualTo(2);
    assertThat(open.err().lines()).singleElement().asString().contains(file + ":1: no-auth: ");
  }

  @Test
  void whatWereBetterOtherwiseIsSaidAndDoesNotHinder() throws IOException {
    Cli run = Cli.run("serve", "--check", "--listen", "127.0.0.1", "--secret", "north");
    assertThat(run.exit()).isZero();
    assertThat(run.err())
        .startsWith("frazil serve: warning: secret: ")
        .contains("openssl rand")
        .doesNotContain("north");
  }

  @Test
  void proxiesCanBeNamedByFlagsAndWhatIsNoRangeIsRefused() throws IOException {
    Cli named = Cli.run(
        "serve", "--check", "--user", "a:longer than 8", "--proxy", "10.0.0.0/8", "--proxy", "::1");
    assertThat(named.exit()).isZero();
    Cli wrong = Cli.run("serve", "--check", "--proxy", "10.0.0.1/8");
    assertThat(wrong.exit()).isNotZero();
    assertThat(wrong.err()).contains("proxy: '10.0.0.1/8': the address has bits behind its prefix");
  }

  @Test
  void optionsAndTheFileCountInsteadOfCoturnsFile() throws IOException {
    Path coturn = Files.writeString(
        folder.resolve("turnserver.conf"), "listening-ip=192.0.2.1\nuser=alice:wonder\n");
    Cli run = Cli.run(
        "serve",
        "--coturn-config",
        coturn.toString(),
        "--config",
        file("listen = '192.0.2.2:3479'\nhost = 'a.example'\n"),
        "--host",
        "b.example",
        "--print-credentials",
        "alice");
    assertThat(run.out()).contains("turn:b.example:3479?transport=udp", "wonder");
  }

  @Test
  void portInUseIsSaidInOneLine() throws IOException {
    try (DatagramSocket taken = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      String address = "127.0.0.1:" + taken.getLocalPort();
      Cli run = Cli.run("serve", "--listen", address, "--user", "alice:wonderland");
      assertThat(run.exit()).isEqualTo(1);
      assertThat(run.err().lines())
          .singleElement()
          .asString()
          .contains(address, "in use")
          .doesNotContain("wonderland");
    }
  }

  @Test
  void credentialsOfANamedUserArePrinted() {
    Cli run = Cli.run(
        "serve", "--listen", "192.0.2.1", "--user", "alice:wonder", "--print-credentials", "alice");
    assertThat(run.exit()).isZero();
    ObjectNode json = Json.parseObject(run.out());
    assertThat(json.at("/iceServers/0/urls/1").asString())
        .isEqualTo("turn:192.0.2.1:3478?transport=udp");
    assertThat(json.at("/iceServers/0/username").asString()).isEqualTo("alice");
    assertThat(json.at("/iceServers/0/credential").asString()).isEqualTo("wonder");
  }

  @Test
  void credentialsOfASecretAreGoodForTheTimeAskedFor() {
    long before = System.currentTimeMillis() / 1000;
    Cli run = Cli.run(
        "serve",
        "--host",
        "turn.example.org",
        "--secret",
        "s",
        "--print-credentials",
        "bob",
        "--ttl",
        "100");
    ObjectNode json = Json.parseObject(run.out());
    String[] username = json.at("/iceServers/0/username").asString().split(":");
    assertThat(Long.parseLong(username[0])).isBetween(before + 100, before + 100 + LIMIT_SECONDS);
    assertThat(username[1]).isEqualTo("bob");
    assertThat(json.at("/iceServers/0/credential").asString()).hasSize(28);
  }

  @Test
  void credentialsOfNobodyAreRefused() {
    Cli run = Cli.run("serve", "--user", "alice:wonder", "--print-credentials", "bob");
    assertThat(run.exit()).isEqualTo(2);
    assertThat(run.err()).contains("'bob'").doesNotContain("wonder");
  }

  private static Process start(ProcessBuilder.Redirect error, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-cp",
        System.getProperty("java.class.path"),
        "dev.frazil.cli.Main",
        "serve",
        "--control",
        "off"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(error).start();
  }

  private static void endsWell(Process process) throws InterruptedException {
    process.destroy(); // SIGTERM
    assertThat(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
  }

  @Test
  void processAnswersAndEndsWellOnSigterm() throws Exception {
    Process process =
        start(ProcessBuilder.Redirect.INHERIT, "--stun-only", "--listen", "127.0.0.1:0");
    try (BufferedReader out = process.inputReader()) {
      String first = out.readLine();
      assertThat(first).startsWith("listening on udp 127.0.0.1:");
      assertThat(out.readLine()).startsWith("listening on tcp 127.0.0.1:");
      assertThat(out.readLine()).isEqualTo("answering STUN Binding requests only");
      askBinding(port(first));
      endsWell(process);
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void sighupReadsTheFileAgainAndKeepsTheOldSettingsWhenItIsWrong() throws Exception {
    String good = "listen = '127.0.0.1:0'\n[users]\nalice = 'wonderland'\n";
    String file = file(good);
    Process process = start(ProcessBuilder.Redirect.PIPE, "--config", file);
    try (BufferedReader out = process.inputReader();
        BufferedReader err = process.errorReader()) {
      assertThat(out.readLine()).startsWith("listening on udp 127.0.0.1:");
      assertThat(out.readLine()).startsWith("listening on tcp 127.0.0.1:");
      assertThat(out.readLine()).startsWith("relaying");
      file("deny = '10.0.0.0/33'\n" + good);
      hangUp(process);
      assertThat(logLine(err)).contains("the old settings stay", file + ":1: deny");
      file(good);
      hangUp(process);
      assertThat(logLine(err)).contains("event=reconfigured", "users=1");
      endsWell(process);
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void sessionsOfARunningServerAreListedAndEnded() throws Exception {
    String socket = folder.resolve("control.sock").toString();
    Process process = start(
        ProcessBuilder.Redirect.INHERIT,
        "--listen",
        "127.0.0.1:0",
        "--user",
        "alice:wonder",
        "--control",
        socket);
    try (BufferedReader out = process.inputReader()) {
      int port = port(out.readLine());
      allocate(port);
      Cli table = Cli.run("sessions", "--control", socket);
      assertThat(table.exit()).isZero();
      assertThat(table.out().lines().findFirst())
          .hasValueSatisfying(
              heading -> assertThat(heading).matches("ID +USER .*").contains("CLIENT", "RELAYED"));
      assertThat(table.out().lines().skip(1))
          .singleElement()
          .asString()
          .contains("alice", "udp 127");
      String json =
          Cli.run("sessions", "--json", "--user", "alice", "--control", socket).out();
      long id = Json.parseObject("{\"all\":" + json + "}").at("/all/0/id").asLong();
      assertThat(Cli.run("sessions", "--user", "bob", "--control", socket).out())
          .isEqualTo("no sessions\n");
      Cli end = Cli.run("sessions", "--end", Long.toString(id), "--control", socket);
      assertThat(end.out()).isEqualTo("1 session was ended\n");
      Cli again = Cli.run("sessions", "--end", Long.toString(id), "--control", socket);
      assertThat(again.exit()).isEqualTo(1);
      assertThat(again.err()).isEqualTo("frazil sessions: there is no session " + id + "\n");
      allocate(port);
      assertThat(Cli.run("sessions", "--end-user", "alice", "--control", socket).out())
          .isEqualTo("1 session was ended\n");
      endsWell(process);
    } finally {
      process.destroyForcibly();
    }
    Cli none = Cli.run("sessions", "--control", socket);
    assertThat(none.exit()).isEqualTo(1);
    assertThat(none.err().lines()).singleElement().asString().contains("no server", socket);
  }

  private static int port(String listening) {
    return Integer.parseInt(listening.substring(listening.lastIndexOf(':') + 1));
  }

  /** Makes an allocation as alice, in the realm that is the default. */
  private static void allocate(int port) throws IOException {
    try (DatagramSocket client = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      client.setSoTimeout((int) (LIMIT_SECONDS * 1000));
      StunMessage challenge = ask(client, port, allocation(1).finish());
      StunBuilder request = allocation(2)
          .put(AttributeType.USERNAME, "alice")
          .put(AttributeType.REALM, "frazil")
          .put(AttributeType.NONCE, challenge.get(AttributeType.NONCE))
          .integrity(
              new LongTermCredential("alice", "wonder").key("frazil", PasswordAlgorithm.MD5));
      assertThat(ask(client, port, request.finish()).has(AttributeType.XOR_RELAYED_ADDRESS))
          .isTrue();
    }
  }

  private static StunBuilder allocation(int id) {
    return StunBuilder.request(Method.ALLOCATE, new TransactionId(id, 2), ByteBuffer.allocate(1000))
        .put(AttributeType.REQUESTED_TRANSPORT, 17);
  }

  private static StunMessage ask(DatagramSocket client, int port, ByteBuffer request)
      throws IOException {
    client.send(new DatagramPacket(
        request.array(), request.remaining(), InetAddress.getLoopbackAddress(), port));
    DatagramPacket answer = new DatagramPacket(new byte[1000], 1000);
    client.receive(answer);
    return StunMessage.tryParse(ByteBuffer.wrap(answer.getData(), 0, answer.getLength()));
  }

  @Test
  void logGoesToAFileThatIsOpenedAnewOnSighup() throws Exception {
    Path log = folder.resolve("frazil.log");
    String file = file("listen = '127.0.0.1:0'\nlog-file = '" + log
        + "'\nlog-format = 'json'\ndrain = 0\n" + "[users]\nalice = 'wonder'\n");
    Process process = start(ProcessBuilder.Redirect.INHERIT, "--config", file);
    try (BufferedReader out = process.inputReader()) {
      allocate(port(out.readLine()));
      untilContains(log, "\"event\":\"allocation-created\",\"id\":");
      assertThat(Files.readString(log)).contains("\"user\":\"alice\"");
      Path rotated = Files.move(log, folder.resolve("frazil.log.1"));
      hangUp(process);
      untilContains(log, "\"event\":\"reconfigured\"");
      assertThat(Files.readString(rotated)).doesNotContain("reconfigured");
      endsWell(process);
      assertThat(Files.readString(log)).contains("\"event\":\"closed\"");
    } finally {
      process.destroyForcibly();
    }
  }

  private static void untilContains(Path file, String text) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (!Files.exists(file) || !Files.readString(file).contains(text)) {
      assertThat(System.nanoTime()).as("waited for " + text).isLessThan(end);
      Thread.onSpinWait();
    }
  }

  /** The next line that is not a newer JVM's word on native code. */
  private static String logLine(BufferedReader err) throws IOException {
    String line = err.readLine();
    while (line != null && (line.isBlank() || line.startsWith("WARNING:"))) {
      line = err.readLine();
    }
    return String.valueOf(line);
  }

  private static void hangUp(Process process) throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-HUP", Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  private static void askBinding(int port) throws IOException {
    try (DatagramSocket client = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      client.setSoTimeout((int) (LIMIT_SECONDS * 1000));
      StunMessage message = ask(
          client,
          port,
          StunBuilder.request(Method.BINDING, new TransactionId(1, 2), ByteBuffer.allocate(100))
              .finish());
      assertThat(message.get(AttributeType.XOR_MAPPED_ADDRESS))
          .isEqualTo(TransportAddress.udp("127.0.0.1", client.getLocalPort()));
    }
  }
}
