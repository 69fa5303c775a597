package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.DropReason;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.Pacer;
import dev.frazil.ice.Role;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What an application hands in and what throws when it is called: the session does not suffer. */
class ApplicationFaultsTest {
  private static final UnaryOperator<IceSessionBuilder> PLAIN = UnaryOperator.identity();
  private static final String ON_PURPOSE = "a defect of the application, on purpose";

  private static IceRuntime runtime;

  @BeforeAll
  static void open() {
    runtime = IceRuntime.builder().pacer(Pacer.unlimited()).build();
  }

  @AfterAll
  static void close() {
    runtime.close();
  }

  static Stream<Supplier<Throwable>> faults() {
    return Stream.of(
        () -> new IllegalStateException(ON_PURPOSE),
        () -> new AssertionError(ON_PURPOSE),
        () -> new NoClassDefFoundError(ON_PURPOSE),
        () -> new Exception(ON_PURPOSE)); // as other languages of the JVM throw it undeclared
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> void fail(Throwable fault) throws T {
    throw (T) fault;
  }

  @ParameterizedTest
  @MethodSource("faults")
  void dataGoesOnAfterAHandlerThrew(Supplier<Throwable> fault) throws Exception {
    BlockingQueue<String> arrived = new LinkedBlockingQueue<>();
    try (Pair pair = new Pair(
            runtime,
            PLAIN,
            settings -> settings.onData((stream, component, payload) -> {
              arrived.add(StandardCharsets.UTF_8.decode(payload).toString());
              ApplicationFaultsTest.<RuntimeException>fail(fault.get());
            }))
        .connect()) {
      for (String text : List.of("one", "two")) {
        pair.left.send(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
        assertThat(arrived.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS)).isEqualTo(text);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("faults")
  void everyEventAndFutureComesAlthoughEachEventsHandlerThrows(Supplier<Throwable> fault)
      throws Exception {
    List<IceEvent> events = new CopyOnWriteArrayList<>();
    IceSession session = Loopback.session(runtime, Role.CONTROLLING)
        .onEvent(event -> {
          events.add(event);
          ApplicationFaultsTest.<RuntimeException>fail(fault.get());
        })
        .build();
    session.start();
    assertThat(Loopback.await(session.gathered())).hasSize(1);
    session.close();
    Loopback.await(session.closed());
    assertThat(events)
        .hasExactlyElementsOfTypes(
            IceEvent.CandidateGathered.class,
            IceEvent.GatheringComplete.class,
            IceEvent.StateChanged.class);
  }

  @ParameterizedTest
  @MethodSource("faults")
  void filterOfInterfacesThatThrowsRefusesAndGatheringEnds(Supplier<Throwable> fault)
      throws Exception {
    try (IceSession session = Loopback.session(runtime, Role.CONTROLLING)
        .interfaces(() -> List.of(Loopback.address("127.0.0.1"), Loopback.address("127.0.0.2")))
        .interfaceFilter(address -> {
          if (address.address().toString().equals("127.0.0.1")) {
            ApplicationFaultsTest.<RuntimeException>fail(fault.get());
          }
          return true;
        })
        .build()) {
      session.start();
      assertThat(Loopback.await(session.gathered()))
          .extracting(candidate -> candidate.address().ip().toString())
          .containsExactly("127.0.0.2");
    }
  }

  @Test
  void filterOfRemoteCandidatesThatThrowsRefusesAndIsCounted() throws Exception {
    try (IceSession other = Loopback.session(runtime, Role.CONTROLLED).build();
        IceSession session = Loopback.session(runtime, Role.CONTROLLING)
            .remoteFilter(candidate -> {
              throw new IllegalStateException(ON_PURPOSE);
            })
            .build()) {
      other.start();
      Candidate candidate = Loopback.await(other.gathered()).get(0);
      session.start();
      session.setRemote(0, other.localParameters(0));
      session.addRemoteCandidate(0, null, candidate);
      assertThat(Loopback.await(session.statistics()).dropped())
          .containsEntry(DropReason.CANDIDATE_REFUSED, 1L);
    }
  }

  @ParameterizedTest
  @MethodSource("faults")
  void interfacesThatCannotBeListedAreToldAndGatheringEnds(Supplier<Throwable> fault)
      throws Exception {
    List<IceEvent> events = new CopyOnWriteArrayList<>();
    try (IceSession session = Loopback.session(runtime, Role.CONTROLLING)
        .interfaces(() -> {
          ApplicationFaultsTest.<RuntimeException>fail(fault.get());
          return List.of();
        })
        .onEvent(events::add)
        .build()) {
      session.start();
      assertThat(Loopback.await(session.gathered())).isEmpty();
      assertThat(Pair.told(events, IceEvent.Warning.class, ON_PURPOSE)).isTrue();
    }
  }
}
