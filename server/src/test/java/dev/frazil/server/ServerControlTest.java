package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.turn.RestCredentials;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServerControlTest {
  private static final LongTermCredential ALICE = new LongTermCredential("alice", "wonder");
  private static final TransportAddress PEER = TransportAddress.udp("203.0.113.9", 5000);

  @TempDir
  private Path folder;

  private final List<FrazilServer> servers = new ArrayList<>();

  @AfterEach
  void close() {
    servers.forEach(FrazilServer::close);
  }

  private Path socket() {
    return folder.resolve("run").resolve("control.sock");
  }

  private FrazilServer start() throws Exception {
    FrazilServer server = FrazilServer.start(new Settings()
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.USER, List.of("alice:wonder"))
        .set(Setting.SECRET, List.of("secret"))
        .set(Setting.CONTROL, List.of(socket().toString()))
        .set(Setting.STATISTICS, List.of("0"))
        .build());
    servers.add(server);
    return server;
  }

  @Test
  void sessionsAreListedWithWhatTheyAre() throws Exception {
    FrazilServer server = start();
    ServerControl control = new ServerControl(socket());
    assertThat(control.sessions()).isEmpty();
    try (TestClient client = new TestClient(server, ALICE)) {
      TransportAddress relayed = client
          .ask(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17))
          .get(AttributeType.XOR_RELAYED_ADDRESS);
      client.permit(PEER);
      client.send(PEER, new byte[10]);
      client.permit(PEER); // so that the server has the indication before
      assertThat(control.sessions())
          .containsExactly(new ServerSession(
              control.sessions().get(0).id(),
              "alice",
              "udp",
              "127.0.0.1:" + client.port(),
              List.of(relayed.toString()),
              1,
              0,
              0,
              1,
              10,
              0,
              0));
    }
  }

  @Test
  void sessionIsEndedByItsNumber() throws Exception {
    FrazilServer server = start();
    ServerControl control = new ServerControl(socket());
    try (TestClient one = new TestClient(server, ALICE);
        TestClient other = new TestClient(server, ALICE)) {
      one.allocate();
      other.allocate();
      Map<Boolean, ServerSession> both = control.sessions().stream()
          .collect(Collectors.toMap(
              session -> session.client().endsWith(":" + one.port()), session -> session));
      long id = both.get(true).id();
      control.end(id);
      assertThat(control.sessions()).containsExactly(both.get(false));
      assertThat(one.permit(PEER)).as("the allocation is gone").isEqualTo(437);
      assertThat(other.permit(PEER)).isZero();
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> control.end(id))
          .withMessage("there is no session " + id);
    }
  }

  @Test
  void allSessionsOfAUserAreEndedWhateverTheTimeInTheName() throws Exception {
    FrazilServer server = start();
    ServerControl control = new ServerControl(socket());
    try (TestClient alice = new TestClient(server, ALICE);
        TestClient bob =
            new TestClient(server, RestCredentials.credential("secret", 4_000_000_000L, "bob"));
        TestClient again =
            new TestClient(server, RestCredentials.credential("secret", 4_000_000_001L, "bob"))) {
      assertThat(alice.allocate() + bob.allocate() + again.allocate()).isZero();
      assertThat(control.endUser("bob")).isEqualTo(2);
      assertThat(control.endUser("bob")).isZero();
      assertThat(control.sessions()).extracting(ServerSession::user).containsExactly("alice");
    }
  }

  @Test
  void sessionsOfAllEventLoopsAreListedAndEnded() throws Exception {
    FrazilServer server = FrazilServer.start(new Settings()
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.USER, List.of("alice:wonder"))
        .set(Setting.THREADS, List.of("3"))
        .set(Setting.CONTROL, List.of(socket().toString()))
        .build());
    servers.add(server);
    ServerControl control = new ServerControl(socket());
    List<TestClient> clients = new ArrayList<>();
    try {
      for (int i = 0; i < 12; i++) {
        TestClient client = new TestClient(server, ALICE);
        clients.add(client);
        assertThat(client.allocate()).isZero();
      }
      assertThat(control.sessions())
          .extracting(ServerSession::id)
          .hasSize(12)
          .doesNotHaveDuplicates();
      control.end(control.sessions().get(5).id());
      assertThat(control.sessions()).hasSize(11);
      assertThat(control.endUser("alice")).isEqualTo(11);
      assertThat(control.sessions()).isEmpty();
    } finally {
      clients.forEach(TestClient::close);
    }
  }

  @Test
  void socketIsItsOwnersAlone() throws Exception {
    start();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket())))
        .isEqualTo("rw-------");
    assertThat(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(socket().getParent())))
        .isEqualTo("rwx------");
    try (var left = Files.list(socket().getParent())) {
      assertThat(left).containsExactly(socket());
    }
  }

  @Test
  void socketThatAKilledServerLeftIsReplaced() throws Exception {
    Files.createDirectories(socket().getParent());
    try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(socket()));
    }
    start();
    assertThat(new ServerControl(socket()).sessions()).isEmpty();
  }

  @Test
  void socketOfAServerThatRunsIsNotTaken() throws Exception {
    start();
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(this::start)
        .withMessageContaining("control socket " + socket())
        .withMessageContaining("another server");
    assertThat(new ServerControl(socket()).sessions()).isEmpty();
  }

  @Test
  void noServerIsSaidWithWhatToLookAt() throws Exception {
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> new ServerControl(socket()).sessions())
        .withMessageContaining("no server listens at " + socket());
    start().close();
    assertThat(socket()).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sessions\n",
        "{}\n",
        "{\"command\":\"reboot\"}\n",
        "null\n",
        "[]\n",
        "{\"command\":\"end-user\"}\n",
        "{\"command\":\"end\",\"id\":\"x\"}\n"
      })
  void whatIsNotUnderstoodIsAnsweredSo(String line) throws Exception {
    start();
    assertThat(raw(line)).startsWith("{\"error\":\"");
    assertThat(new ServerControl(socket()).sessions()).isEmpty();
  }

  @Test
  void questionWithoutAnEndIsRefused() throws Exception {
    start();
    assertThat(raw("x".repeat(ControlMessage.LONGEST_QUESTION + 1))).contains("too long");
  }

  private String raw(String line) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket()))) {
      channel.write(ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8)));
      return new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8)).readLine();
    }
  }

  @Test
  void placesAreLookedThroughInOrder() throws Exception {
    Map<String, String> environment = Map.of(
        "RUNTIME_DIRECTORY", folder + "/a:" + folder + "/b", "XDG_RUNTIME_DIR", folder.toString());
    assertThat(ServerControl.defaultSocket(environment))
        .isEqualTo(folder.resolve("a/control.sock"));
    assertThat(ServerControl.defaultSocket(Map.of()))
        .isEqualTo(Path.of("/run/frazil/control.sock"));
    Files.createDirectory(folder.resolve("frazil"));
    Files.createFile(folder.resolve("frazil/control.sock"));
    assertThat(ServerControl.findSocket(environment))
        .isEqualTo(folder.resolve("frazil/control.sock"));
  }
}
