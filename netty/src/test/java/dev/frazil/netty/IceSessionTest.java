package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.IceState;
import dev.frazil.ice.IceStatistics;
import dev.frazil.ice.Pacer;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class IceSessionTest {
  private static final Duration LIMIT = Duration.ofSeconds(Loopback.LIMIT_SECONDS);
  private static final UnaryOperator<IceSessionBuilder> PLAIN = UnaryOperator.identity();

  private static IceRuntime runtime;

  @BeforeAll
  static void open() {
    runtime = IceRuntime.builder().pacer(Pacer.unlimited()).build();
  }

  @AfterAll
  static void close() {
    runtime.close();
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String receive(IceSession session) throws Exception {
    ByteBuffer into = ByteBuffer.allocate(2048);
    assertThat(session.receive(into, LIMIT)).isNotNegative();
    return StandardCharsets.UTF_8.decode(into.flip()).toString();
  }

  @ParameterizedTest
  @MethodSource("dev.frazil.netty.Loopback#transports")
  void twoSessionsConnectAndExchangePayloads(IoTransport transport) throws Exception {
    try (IceRuntime own = IceRuntime.builder().transport(transport).build();
        Pair pair = new Pair(own, PLAIN).connect()) {
      assertThat(own.transport()).isEqualTo(transport);
      ByteBuffer payload = bytes("-hello-").position(1).limit(6);
      assertThat(pair.left.send(payload)).isEqualTo(SendResult.SENT);
      assertThat(payload.remaining()).as("the caller's buffer").isEqualTo(5);
      assertThat(receive(pair.right)).isEqualTo("hello");
      assertThat(pair.right.send(bytes("hi"))).isEqualTo(SendResult.SENT);
      assertThat(receive(pair.left)).isEqualTo("hi");

      FiveTuple path = pair.left.path(0, 1);
      assertThat(path).isNotNull();
      assertThat(pair.right.path(0, 1)).isEqualTo(path.reversed());
      assertThat(pair.left.state()).isEqualTo(IceState.COMPLETED);
      assertThat(Loopback.await(pair.left.gathered()))
          .extracting(Candidate::address)
          .containsExactly(path.local());
    }
  }

  @Test
  void sessionsWithoutTrickleConnect() throws Exception {
    try (Pair pair = new Pair(runtime, settings -> settings.trickle(false)).connect()) {
      assertThat(pair.left.send(bytes("x"))).isEqualTo(SendResult.SENT);
      assertThat(receive(pair.right)).isEqualTo("x");
    }
  }

  @Test
  void handlerSeesThePayloadOnTheEventLoopAndMayAnswerFromThere() throws Exception {
    Loopback.Lazy<IceSession> self = new Loopback.Lazy<>();
    BlockingQueue<String> threads = new LinkedBlockingQueue<>();
    try (Pair pair = new Pair(
        runtime,
        PLAIN,
        settings -> settings.onData((stream, component, payload) -> {
          threads.add(Thread.currentThread().getName());
          assertThat(payload.isDirect()).as("the buffer that it came in").isTrue();
          self.get().send(stream, component, payload);
        }))) {
      self.set(pair.right);
      pair.connect();
      pair.left.send(bytes("echo"));
      assertThat(receive(pair.left)).isEqualTo("echo");
      assertThat(threads.take()).startsWith("frazil");
    }
  }

  @Test
  void payloadsOfManyThreadsArriveWhole() throws Exception {
    Set<String> arrived = ConcurrentHashMap.newKeySet();
    try (Pair pair = new Pair(
            runtime,
            PLAIN,
            settings -> settings.onData((stream, component, payload) ->
                arrived.add(StandardCharsets.UTF_8.decode(payload).toString())))
        .connect()) {
      List<CompletableFuture<Void>> senders = new ArrayList<>();
      Set<String> sent = ConcurrentHashMap.newKeySet();
      for (int thread = 0; thread < 8; thread++) {
        String name = "thread " + thread;
        CompletableFuture<Void> done = new CompletableFuture<>();
        senders.add(done);
        new Thread(() -> {
              ByteBuffer direct = ByteBuffer.allocateDirect(100);
              for (int i = 0; i < 100; i++) {
                String text = name + " payload " + i;
                sent.add(text);
                direct.clear().put(bytes(text)).flip();
                do {
                  pair.left.send(direct); // UDP may lose it
                  Thread.yield();
                } while (!arrived.contains(text));
              }
              done.complete(null);
            })
            .start();
      }
      for (CompletableFuture<Void> sender : senders) {
        Loopback.await(sender);
      }
      assertThat(arrived).isEqualTo(sent);
    }
  }

  @Test
  void burstFromAnotherThreadIsBoundedToldAndCounted() throws Exception {
    CompletableFuture<Void> held = new CompletableFuture<>();
    CompletableFuture<Void> free = new CompletableFuture<>();
    UnaryOperator<IceSessionBuilder> holding =
        settings -> settings.onData((stream, component, data) -> {
          held.complete(null);
          free.orTimeout(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS).join(); // its event loop is busy
        });
    try (Pair pair = new Pair(runtime, holding, PLAIN).connect()) {
      pair.right.send(bytes("hold"));
      Loopback.await(held);
      ByteBuffer payload = ByteBuffer.allocate(1000);
      int sent = 0;
      while (sent < 10_000 && pair.left.send(payload) == SendResult.SENT) {
        sent++;
      }
      assertThat(pair.left.send(payload)).isEqualTo(SendResult.DROPPED);
      assertThat(sent).isBetween(200, 300);
      assertThat(pair.left.dropped().unsent()).isEqualTo(2);
      free.complete(null);
      Wait.until(() -> pair.left.send(payload) == SendResult.SENT);
    }
  }

  @Test
  void nothingCanBeSentBeforeThereIsAPathNorAfterTheEnd() throws Exception {
    Pair pair = new Pair(runtime, PLAIN);
    assertThat(pair.left.send(bytes("early"))).isEqualTo(SendResult.NO_PATH);
    assertThat(pair.left.path(0, 1)).isNull();
    pair.connect();
    pair.close();
    assertThat(pair.left.send(bytes("late"))).isEqualTo(SendResult.NO_PATH);
    assertThat(pair.left.path(0, 1)).isNull();
  }

  @Test
  void receivingEndsInTime() throws Exception {
    try (Pair pair = new Pair(runtime, PLAIN).connect()) {
      ByteBuffer into = ByteBuffer.allocate(10);
      assertThat(pair.left.receive(into, Duration.ofMillis(5))).isEqualTo(-1);
      assertThat(into.position()).isZero();
    }
  }

  @Test
  void receivingEndsWithTheSession() throws Exception {
    Pair pair = new Pair(runtime, PLAIN).connect();
    CompletableFuture<Integer> reader = new CompletableFuture<>();
    Thread thread = new Thread(() -> {
      try {
        reader.complete(pair.left.receive(ByteBuffer.allocate(10), LIMIT));
      } catch (IceException | InterruptedException e) {
        reader.completeExceptionally(e);
      }
    });
    thread.start();
    Wait.until(() -> thread.getState() == Thread.State.TIMED_WAITING);
    pair.close();
    assertThatExceptionOfType(ExecutionException.class)
        .isThrownBy(() -> Loopback.await(reader))
        .withCauseInstanceOf(IceException.class);
  }

  @Test
  void receivingIsRefusedWhereItCannotWork() throws Exception {
    try (Pair pair =
        new Pair(runtime, PLAIN, settings -> settings.onData((stream, component, data) -> {}))) {
      assertThatIllegalStateException()
          .isThrownBy(() -> pair.right.receive(ByteBuffer.allocate(1), Duration.ZERO))
          .withMessageContaining("handler");
    }
    Loopback.Lazy<IceSession> self = new Loopback.Lazy<>();
    CompletableFuture<Integer> received = new CompletableFuture<>();
    try (IceSession session = Loopback.session(runtime, Role.CONTROLLING)
        .onEvent(event -> {
          try {
            received.complete(self.get().receive(ByteBuffer.allocate(1), Duration.ZERO));
          } catch (Exception e) {
            received.completeExceptionally(e);
          }
        })
        .build()) {
      self.set(session);
      session.start();
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> Loopback.await(received))
          .withCauseInstanceOf(IllegalStateException.class)
          .withMessageContaining("event loop");
    }
  }

  @Test
  void virtualThreadsMayWaitForData() throws Exception {
    Object builder;
    try {
      builder = Thread.class.getMethod("ofVirtual").invoke(null);
    } catch (ReflectiveOperationException e) {
      Assumptions.abort("no virtual threads in this JDK");
      return;
    }
    var start = Class.forName("java.lang.Thread$Builder").getMethod("start", Runnable.class);
    List<Pair> pairs = new ArrayList<>();
    BlockingQueue<String> received = new LinkedBlockingQueue<>();
    try {
      // more waiting threads than carriers
      int count = 4 * Runtime.getRuntime().availableProcessors();
      for (int i = 0; i < count; i++) {
        Pair pair = new Pair(runtime, PLAIN);
        pairs.add(pair);
        start.invoke(builder, (Runnable) () -> {
          try {
            received.add(receive(pair.right));
          } catch (Exception e) {
            received.add(e.toString());
          }
        });
      }
      for (Pair pair : pairs) {
        pair.connect();
        pair.left.send(bytes("virtual"));
      }
      for (int i = 0; i < count; i++) {
        assertThat(received.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS)).isEqualTo("virtual");
      }
    } finally {
      for (Pair pair : pairs) {
        pair.close();
      }
    }
  }

  @Test
  void closingIsIdempotentAndMayComeFromEverywhere() throws Exception {
    Pair pair = new Pair(runtime, PLAIN).connect();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      Thread thread = new Thread(pair.left::close);
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    Loopback.await(pair.left.closed());
    pair.left.close();
    assertThat(pair.leftEvents.stream()
            .filter(event -> event instanceof IceEvent.StateChanged changed
                && changed.state() == IceState.CLOSED))
        .hasSize(1);
    assertThat(pair.left.state()).isEqualTo(IceState.CLOSED);
    pair.close();
  }

  @Test
  void sessionThatWasNeverStartedCloses() throws Exception {
    IceSession session = Loopback.session(runtime, Role.CONTROLLING).build();
    CompletableFuture<Void> connected = session.connected();
    session.close();
    Loopback.await(session.closed());
    assertThatExceptionOfType(ExecutionException.class)
        .isThrownBy(() -> Loopback.await(connected))
        .withCauseInstanceOf(IceException.class);
    assertThat(session.gathered()).isCompletedExceptionally();
    assertThat(session.completed()).isCompletedExceptionally();
  }

  @Test
  void sessionMayBeClosedInItsOwnHandler() throws Exception {
    Loopback.Lazy<IceSession> self = new Loopback.Lazy<>();
    IceSession session = Loopback.session(runtime, Role.CONTROLLING)
        .onEvent(event -> {
          if (event instanceof IceEvent.CandidateGathered) {
            self.get().close();
          }
        })
        .build();
    self.set(session);
    session.start();
    Loopback.await(session.closed());
  }

  @Test
  void callsAfterTheEndDoNothing() throws Exception {
    Pair pair = new Pair(runtime, PLAIN).connect();
    Candidate candidate = Loopback.await(pair.left.gathered()).get(0);
    pair.close();
    pair.left.setRemote(0, new IceParameters("abcd", "0123456789012345678901"));
    pair.left.addRemoteCandidate(0, null, candidate);
    pair.left.endOfRemoteCandidates(0, null);
    pair.left.restart(0);
    assertThat(Loopback.await(pair.left.statistics()).state()).isEqualTo(IceState.CLOSED);
  }

  @Test
  void mistakesOfTheCallerAreToldAtOnce() throws Exception {
    try (Pair pair = new Pair(runtime, PLAIN).connect()) {
      IceSession session = pair.left;
      assertThatIllegalStateException().isThrownBy(session::start);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.localParameters(1))
          .withMessageContaining("stream 1");
      assertThatIllegalArgumentException().isThrownBy(() -> session.restart(-1));
      assertThatIllegalArgumentException().isThrownBy(() -> session.endOfRemoteCandidates(7, null));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.send(0, 2, bytes("x")))
          .withMessageContaining("component 2");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.send(ByteBuffer.allocate(65_508)))
          .withMessageContaining("65508");
      IceParameters halfNew =
          new IceParameters("other", pair.right.localParameters(0).password());
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.setRemote(0, halfNew))
          .withMessageContaining("other")
          .withMessageNotContaining(halfNew.password());
      IceParameters known = pair.right.localParameters(0);
      IceParameters lite = new IceParameters(known.ufrag(), known.password(), true, null, null);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.setRemote(0, lite))
          .withMessageContaining("lite true");
    }
  }

  @Test
  void builtSessionKeepsItsSettings() throws Exception {
    IceSessionBuilder builder = Loopback.session(runtime, Role.CONTROLLING).components(2);
    try (IceSession two = builder.build();
        IceSession one = builder.components(1).role(Role.CONTROLLED).build()) {
      assertThat(two.path(0, 2)).isNull();
      assertThat(two.role()).isEqualTo(Role.CONTROLLING);
      assertThatIllegalArgumentException().isThrownBy(() -> one.path(0, 2));
      assertThat(one.localParameters(0).ufrag())
          .isNotEqualTo(two.localParameters(0).ufrag());
      assertThat(one).asString().doesNotContain(one.localParameters(0).password());
    }
  }

  @Test
  void streamsAndComponentsAreKeptApart() throws Exception {
    Map<String, String> arrived = new ConcurrentHashMap<>();
    UnaryOperator<IceSessionBuilder> settings = builder -> builder.streams(2).components(2);
    try (Pair pair = new Pair(
            runtime,
            settings,
            builder -> settings
                .apply(builder)
                .onData((stream, component, payload) -> arrived.put(
                    stream + "/" + component,
                    StandardCharsets.UTF_8.decode(payload).toString())))
        .connect(2)) {
      for (int stream = 0; stream < 2; stream++) {
        for (int component = 1; component <= 2; component++) {
          String name = stream + "/" + component;
          pair.left.send(stream, component, bytes(name));
        }
      }
      Map<String, String> all = Map.of("0/1", "0/1", "0/2", "0/2", "1/1", "1/1", "1/2", "1/2");
      Wait.until(() -> arrived.equals(all));
    }
  }

  @Test
  void roleConflictIsSolvedAndTold() throws Exception {
    try (Pair pair = new Pair(runtime, settings -> settings.role(Role.CONTROLLING)).connect()) {
      assertThat(Set.of(pair.left.role(), pair.right.role()))
          .containsExactlyInAnyOrder(Role.CONTROLLING, Role.CONTROLLED);
    }
  }

  @Test
  void liteAgentConnectsWithAFullOne() throws Exception {
    try (Pair pair = new Pair(runtime, PLAIN, settings -> settings.lite(true)).connect()) {
      assertThat(pair.right.localParameters(0).lite()).isTrue();
      pair.right.send(bytes("lite"));
      assertThat(receive(pair.left)).isEqualTo("lite");
    }
  }

  @Test
  void addressBehindAOneToOneNatIsTold() throws Exception {
    IpAddress external = IpAddress.parse("203.0.113.5");
    try (Pair pair = new Pair(
            runtime,
            settings -> settings.externalAddresses(Map.of(IpAddress.parse("127.0.0.1"), external)),
            PLAIN)
        .connect()) {
      assertThat(Loopback.await(pair.left.gathered()))
          .filteredOn(candidate -> candidate.address().ip().equals(external))
          .singleElement()
          .satisfies(candidate -> {
            assertThat(candidate.type()).isEqualTo(CandidateType.SERVER_REFLEXIVE);
            TransportAddress base = candidate.related();
            assertThat(base).isNotNull();
            assertThat(base.port()).isEqualTo(candidate.address().port());
          });
    }
  }

  @Test
  void portsComeFromTheRange() throws Exception {
    int free = DatagramPortTest.freePorts(4);
    try (Pair pair = new Pair(runtime, settings -> settings.portRange(free, free + 3)).connect()) {
      FiveTuple path = pair.left.path(0, 1);
      assertThat(path).isNotNull();
      assertThat(path.local().port()).isBetween(free, free + 3);
      assertThat(path.remote().port()).isBetween(free, free + 3);
    }
  }

  @Test
  void restartKeepsTheDataGoing() throws Exception {
    Set<Integer> arrived = ConcurrentHashMap.newKeySet();
    try (Pair pair = new Pair(
            runtime,
            PLAIN,
            settings ->
                settings.onData((stream, component, payload) -> arrived.add(payload.getInt())))
        .connect()) {
      String before = pair.left.localParameters(0).ufrag();
      pair.left.restart(0);
      int number = 0;
      // until both have nominated again, each payload finds a path and arrives
      while (nominations(pair.leftEvents) < 2 || nominations(pair.rightEvents) < 2) {
        int next = number++;
        assertThat(pair.left.send(ByteBuffer.allocate(4).putInt(0, next)))
            .isEqualTo(SendResult.SENT);
        Wait.until(() -> arrived.contains(next));
      }
      assertThat(pair.left.localParameters(0).ufrag()).isNotEqualTo(before);
      assertThat(pair.leftEvents.stream()
              .filter(
                  event -> event instanceof IceEvent.PathChanged changed && changed.path() == null))
          .isEmpty();
    }
  }

  private static long nominations(List<IceEvent> events) {
    return events.stream().filter(IceEvent.PairSelected.class::isInstance).count();
  }

  @Test
  void statisticsTellWhatWasSent() throws Exception {
    try (Pair pair = new Pair(runtime, PLAIN).connect()) {
      pair.left.send(bytes("12345"));
      receive(pair.right);
      IceStatistics left = Loopback.await(pair.left.statistics());
      assertThat(left.pairs()).anyMatch(it -> it.packetsSent() == 1 && it.bytesSent() == 5);
      IceStatistics right = Loopback.await(pair.right.statistics());
      assertThat(right.pairs())
          .anyMatch(it -> it.packetsReceived() == 1 && it.bytesReceived() == 5);
    }
  }

  @Test
  void longDatagramsAreDroppedWithAWarningAndCounted() throws Exception {
    try (Pair pair =
        new Pair(runtime, PLAIN, settings -> settings.maxDatagramSize(600)).connect()) {
      pair.left.send(ByteBuffer.allocate(601));
      pair.left.send(ByteBuffer.allocate(601));
      pair.left.send(bytes("short"));
      assertThat(receive(pair.right)).isEqualTo("short");
      assertThat(pair.rightEvents.stream().filter(IceEvent.Warning.class::isInstance))
          .singleElement()
          .asString()
          .contains("600", "maxDatagramSize");
      assertThat(pair.right.dropped()).isEqualTo(new DroppedDatagrams(2, 0, 0));
    }
  }
}
