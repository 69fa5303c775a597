package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Candidate;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CheckCommandTest {
  private static final TransportAddress MAPPED = TransportAddress.udp("198.51.100.7", 40000);

  /** A server on loopback that answers as it is told to. */
  private static final class Server implements AutoCloseable {
    private final DatagramSocket socket;
    private int ignored;

    Server(int ignore, Function<StunMessage, @Nullable ByteBuffer> answer) throws SocketException {
      socket = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      Thread thread = new Thread(() -> serve(ignore, answer));
      thread.setDaemon(true);
      thread.start();
    }

    private void serve(int ignore, Function<StunMessage, @Nullable ByteBuffer> answer) {
      try {
        while (true) {
          DatagramPacket packet = new DatagramPacket(new byte[1500], 1500);
          socket.receive(packet);
          StunMessage request =
              StunMessage.tryParse(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()));
          ByteBuffer bytes = request == null || ignored++ < ignore ? null : answer.apply(request);
          if (bytes != null) {
            socket.send(
                new DatagramPacket(bytes.array(), bytes.remaining(), packet.getSocketAddress()));
          }
        }
      } catch (IOException e) {
        // closed
      }
    }

    String uri() {
      return "stun:127.0.0.1:" + socket.getLocalPort();
    }

    @Override
    public void close() {
      socket.close();
    }
  }

  private static ByteBuffer mapped(StunMessage request) {
    return StunBuilder.success(Method.BINDING, request.transactionId(), ByteBuffer.allocate(200))
        .put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED)
        .finish();
  }

  private static JsonNode json(Cli run) {
    return JsonMapper.builder().build().readTree(run.out());
  }

  /** A port that was free a moment ago. */
  private static int deadPort() throws SocketException {
    try (DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Test
  void tableTellsAddressRoundTripAndCandidate() throws Exception {
    try (Server server = new Server(0, CheckCommandTest::mapped)) {
      Cli run = Cli.run("check", server.uri());
      assertThat(run.exit()).isZero();
      assertThat(run.out()).contains(server.uri(), "127.0.0.1", " ms", "198.51.100.7:40000", "NAT");
    }
  }

  @Test
  void jsonHoldsTheCandidate() throws Exception {
    try (Server server = new Server(0, CheckCommandTest::mapped)) {
      JsonNode row = json(Cli.run("check", "--json", server.uri())).get(0);
      Candidate candidate = Candidate.parse(row.path("candidate").asString());
      assertThat(candidate).isNotNull();
      assertThat(candidate.address()).isEqualTo(MAPPED);
      assertThat(String.valueOf(candidate.related()))
          .isEqualTo(row.path("local").asString());
      assertThat(row.path("rtt_ms").asDouble()).isPositive();
      assertThat(row.path("sends").asInt()).isEqualTo(1);
      assertThat(row.path("problem").isNull()).isTrue();
    }
  }

  /** As an agent would that gathers: a host with several addresses has several candidates. */
  @Test
  void everyAddressThatCouldReachTheServerAsks() throws Exception {
    long loopbacks = NetworkInterface.networkInterfaces()
        .flatMap(NetworkInterface::inetAddresses)
        .filter(each -> each instanceof Inet4Address && each.isLoopbackAddress())
        .count();
    try (Server server = new Server(0, CheckCommandTest::mapped)) {
      JsonNode rows = json(Cli.run("check", "--json", server.uri()));
      assertThat(rows.size()).isEqualTo((int) loopbacks);
      assertThat(rows.get(0).path("local").asString()).startsWith("127.");
    }
  }

  @Test
  void requestIsSentAgainWhenTheFirstIsLost() throws Exception {
    try (Server server = new Server(1, CheckCommandTest::mapped)) {
      JsonNode row = json(Cli.run("check", "--json", server.uri())).get(0);
      assertThat(row.path("sends").asInt()).isEqualTo(2);
      assertThat(row.path("candidate").isString()).isTrue();
    }
  }

  @Test
  void refusalOfTheServerIsToldWithItsWords() throws Exception {
    try (Server server = new Server(
        0,
        request -> StunBuilder.error(
                Method.BINDING,
                request.transactionId(),
                ByteBuffer.allocate(200),
                ErrorCode.FORBIDDEN)
            .finish())) {
      Cli run = Cli.run("check", server.uri());
      assertThat(run.exit()).isEqualTo(1);
      assertThat(run.out()).contains("403 Forbidden");
    }
  }

  @Test
  void answerWithoutAnAddressMakesNoSense() throws Exception {
    try (Server server = new Server(
        0,
        request -> StunBuilder.success(
                Method.BINDING, request.transactionId(), ByteBuffer.allocate(200))
            .finish())) {
      assertThat(Cli.run("check", server.uri()).out()).contains("makes no sense");
    }
  }

  @Test
  void serverThatSpeaksSomethingElseIsNotCalledSilent() throws Exception {
    try (Server server = new Server(0, request -> ByteBuffer.wrap("who are you?".getBytes()))) {
      Cli run = Cli.run("check", "--timeout", "0.4", server.uri());
      assertThat(run.exit()).isEqualTo(1);
      assertThat(run.out()).contains("not a STUN server").doesNotContain("no answer");
    }
  }

  @Test
  void serverIsNamedByTheAddressWhereItWasAsked() throws Exception {
    int port = deadPort();
    JsonNode row = json(Cli.run("check", "--json", "stun:127.0.0.1:" + port)).get(0);
    assertThat(row.path("address").asString()).isEqualTo("127.0.0.1:" + port);
    assertThat(row.path("sends").asInt()).isEqualTo(1);
    assertThat(row.path("problem").asString()).startsWith("refused");
  }

  @Test
  void silentServerIsGivenUp() throws Exception {
    try (Server server = new Server(0, request -> null)) {
      Cli run = Cli.run("check", "--timeout", "0.2", server.uri());
      assertThat(run.exit()).isEqualTo(1);
      assertThat(run.out()).contains("no answer in 0.2 s (1 request sent)");
    }
  }

  @Test
  void oneDeadServerDoesNotHideAGoodOne() throws Exception {
    try (Server server = new Server(0, CheckCommandTest::mapped)) {
      Cli run = Cli.run("check", "stun:127.0.0.1:" + deadPort(), server.uri());
      assertThat(run.exit()).isEqualTo(1);
      assertThat(run.out()).contains("refused", "198.51.100.7:40000");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "stun:no-such-host.invalid, can't be resolved",
    "http://example.org, stun",
    "stun:, host",
    "stun:127.0.0.1:99999, 65535",
  })
  void whatCannotBeAskedIsSaidInPlainWords(String uri, String words) {
    Cli run = Cli.run("check", uri);
    assertThat(run.exit()).isEqualTo(1);
    assertThat(run.out()).contains(uri, words).doesNotContain("Exception");
    assertThat(run.err()).isEmpty();
  }
}
