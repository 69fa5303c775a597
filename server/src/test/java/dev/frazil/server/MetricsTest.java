package dev.frazil.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MetricsTest {
  private static final LongTermCredential ALICE = new LongTermCredential("alice", "wonder");
  private static final int PACKETS = 50;
  private static final int SIZE = 100;

  private final HttpClient http = HttpClient.newHttpClient();
  private final List<FrazilServer> servers = new ArrayList<>();

  @AfterEach
  void close() {
    servers.forEach(FrazilServer::close);
  }

  private static Settings settings() {
    return new Settings()
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.USER, List.of("alice:wonder"))
        .set(Setting.METRICS, List.of("0"))
        .set(Setting.STATISTICS, List.of("0"));
  }

  private FrazilServer start(Settings settings) throws Exception {
    FrazilServer server = FrazilServer.start(settings.build());
    servers.add(server);
    return server;
  }

  private HttpResponse<String> get(FrazilServer server, String path, String... headers)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.metricsPort() + path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void metricsAreToldWhileTrafficRuns() throws Exception {
    FrazilServer server = start(settings().set(Setting.ALLOW_LOOPBACK_PEERS, List.of("true")));
    try (TestClient client = new TestClient(server, ALICE);
        DatagramSocket peer = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
      TransportAddress there = TransportAddress.udp("127.0.0.1", peer.getLocalPort());
      client.ask(Method.BINDING, b -> {});
      assertThat(client.allocate()).isZero();
      assertThat(client.permit(there)).isZero();
      peer.setSoTimeout(30_000);
      for (int i = 0; i < PACKETS; i++) {
        client.send(there, new byte[SIZE]);
        peer.receive(new DatagramPacket(new byte[2000], 2000));
        if (i % 10 == 0) {
          assertThat(get(server, "/metrics").body())
              .contains("frazil_relayed_packets_total{direction=\"to-peer\"} " + (i + 1) + ".0\n");
        }
      }
      HttpResponse<String> answer = get(server, "/metrics");
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.headers().firstValue("content-type"))
          .hasValueSatisfying(type -> assertThat(type).startsWith("text/plain; version=0.0.4"));
      assertThat(answer.body())
          .contains(
              "# HELP frazil_allocations ",
              "# TYPE frazil_allocations gauge\n",
              "frazil_allocations{transport=\"udp\"} 1.0\n",
              "frazil_allocations_created_total{transport=\"udp\"} 1.0\n",
              "frazil_allocations_limit 10000.0\n",
              "frazil_relayed_bytes_total{direction=\"to-peer\"} " + PACKETS * SIZE + ".0\n",
              "frazil_relayed_bytes_total{direction=\"to-client\"} 0.0\n",
              "frazil_turn_responses_total 2.0\n",
              "frazil_turn_refusals_total{code=\"401\"} 1.0\n",
              "frazil_binding_responses_total 1.0\n",
              "frazil_dropped_total{reason=\"no-permission\"} 0.0\n",
              "frazil_event_loop_lag_seconds ",
              "jvm_memory_used_bytes{area=\"heap\"} ",
              "process_cpu_seconds_total ");
      assertThat(client.release()).isZero();
      assertThat(get(server, "/metrics").body())
          .contains(
              "frazil_allocations{transport=\"udp\"} 0.0\n",
              "frazil_allocations_ended_total{reason=\"released\"} 1.0\n",
              "frazil_relayed_bytes_total{direction=\"to-peer\"} " + PACKETS * SIZE + ".0\n");
    }
  }

  @Test
  void everyMetricIsDocumented() throws Exception {
    String documentation = Files.readString(Path.of("../docs/server.md"));
    List<String> names = get(start(settings()), "/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith("# TYPE frazil_"))
        .map(line -> line.split(" ")[2])
        .toList();
    assertThat(names).hasSizeGreaterThan(10);
    assertThat(names).allSatisfy(name -> assertThat(documentation).contains("`" + name + "`"));
  }

  @Test
  void nobodysNameOrAddressIsAmongTheMetrics() throws Exception {
    FrazilServer server = start(settings());
    try (TestClient client = new TestClient(server, ALICE)) {
      client.allocate();
      assertThat(get(server, "/metrics").body()).doesNotContain("alice", "127.0.0.1");
    }
  }

  @Test
  void openMetricsAreToldToWhoAsksForThem() throws Exception {
    HttpResponse<String> answer =
        get(start(settings()), "/metrics", "Accept", "application/openmetrics-text; version=1.0.0");
    assertThat(answer.headers().firstValue("content-type"))
        .hasValueSatisfying(type -> assertThat(type).startsWith("application/openmetrics-text"));
    assertThat(answer.body()).endsWith("# EOF\n");
  }

  @Test
  void serverOfBindingRequestsAloneHasMetricsToo() throws Exception {
    FrazilServer server = start(settings().set(Setting.STUN_ONLY, List.of("true")));
    try (TestClient client = new TestClient(server, ALICE)) {
      assertThat(client.ask(Method.BINDING, b -> {}).has(AttributeType.XOR_MAPPED_ADDRESS))
          .isTrue();
    }
    assertThat(get(server, "/metrics").body()).contains("frazil_binding_responses_total 1.0\n");
  }

  @Test
  void healthIsGoodUntilTheServerDrains() throws Exception {
    FrazilServer server = start(settings().set(Setting.DRAIN, List.of("1000")));
    try (TestClient client = new TestClient(server, ALICE)) {
      client.allocate();
      assertThat(get(server, "/health").statusCode()).isEqualTo(200);
      server.drain();
      HttpResponse<String> answer = get(server, "/health");
      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(answer.body()).isEqualTo("draining\n");
      assertThat(get(server, "/metrics").body()).contains("frazil_draining 1.0\n");
      client.release();
      server.closed().get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void nothingElseIsServed() throws Exception {
    FrazilServer server = start(settings());
    assertThat(get(server, "/").statusCode()).isEqualTo(404);
    HttpRequest post = HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:" + server.metricsPort() + "/metrics"))
        .POST(HttpRequest.BodyPublishers.ofString("x"))
        .build();
    assertThat(http.send(post, HttpResponse.BodyHandlers.ofString()).statusCode())
        .isEqualTo(405);
  }

  @Test
  void connectionsThatSayNothingHinderNobodyAndAreBounded() throws Exception {
    FrazilServer server = start(settings());
    List<Socket> silent = new ArrayList<>();
    try {
      for (int i = 0; i < 60; i++) {
        Socket socket = new Socket("127.0.0.1", server.metricsPort());
        socket.getOutputStream().write("GET /met".getBytes(StandardCharsets.US_ASCII));
        silent.add(socket);
      }
      assertThat(get(server, "/health").statusCode()).isEqualTo(200);
      for (int i = 0; i < 10; i++) {
        silent.add(new Socket("127.0.0.1", server.metricsPort()));
      }
      Socket last = silent.get(silent.size() - 1);
      last.setSoTimeout(30_000);
      assertThat(last.getInputStream().read()).as("closed by the server").isEqualTo(-1);
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
  }

  @Test
  void portThatIsTakenIsTold() throws Exception {
    try (ServerSocket taken = new ServerSocket()) {
      taken.bind(new InetSocketAddress("127.0.0.1", 0));
      ServerConfiguration configuration = settings()
          .set(Setting.METRICS, List.of("127.0.0.1:" + taken.getLocalPort()))
          .build();
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> FrazilServer.start(configuration))
          .withMessageContaining("metrics 127.0.0.1:" + taken.getLocalPort())
          .withMessageContaining("in use");
    }
  }

  @Test
  void portAloneIsOfTheLoopbackAddress() throws Exception {
    assertThat(new Settings().set(Setting.METRICS, List.of("9100")).draft().metrics)
        .isEqualTo(TransportAddress.udp("127.0.0.1", 9100));
    assertThat(new Settings().set(Setting.METRICS, List.of("[::1]:9100")).draft().metrics)
        .isEqualTo(TransportAddress.udp("::1", 9100));
  }
}
