package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceState;
import dev.frazil.ice.Pacer;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.ice.StunServer;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The end of a runtime is the end of all that it runs, in whatever state it is. */
class RuntimeEndTest {
  private static final UnaryOperator<IceSessionBuilder> PLAIN = UnaryOperator.identity();

  private final IceRuntime runtime =
      IceRuntime.builder().pacer(Pacer.unlimited()).build();

  @AfterEach
  void close() {
    runtime.close();
  }

  @Test
  void connectedSessionsAreClosed() throws Exception {
    Pair pair = new Pair(runtime, PLAIN).connect();
    runtime.close();
    runtime.close();
    Loopback.await(pair.left.closed());
    Loopback.await(pair.right.closed());
    assertThat(pair.left.state()).isEqualTo(IceState.CLOSED);
    assertThat(pair.left.send(ByteBuffer.allocate(1))).isEqualTo(SendResult.NO_PATH);
    pair.left.close();
    assertThat(pair.left.statistics()).isCompletedExceptionally();
    assertThat(pair.left.nominate(0, 1)).isCompletedExceptionally();
    assertThatIllegalStateException()
        .isThrownBy(() -> IceSession.builder(runtime).build())
        .withMessageContaining("closed");
  }

  @Test
  void sessionThatWasNeverStartedIsClosedAndItsFuturesEnd() throws Exception {
    List<IceEvent> events = new CopyOnWriteArrayList<>();
    IceSession session =
        Loopback.session(runtime, Role.CONTROLLING).onEvent(events::add).build();
    runtime.close();
    Loopback.await(session.closed());
    assertThat(session.state()).isEqualTo(IceState.CLOSED);
    assertThat(session.connected()).isCompletedExceptionally();
    assertThat(session.gathered()).isCompletedExceptionally();
    assertThat(events).hasSize(1);
    assertThatExceptionOfType(IceException.class)
        .isThrownBy(() -> session.receive(ByteBuffer.allocate(1), Duration.ofMinutes(1)));
    session.start();
    session.close();
  }

  @Test
  void sessionsThatAreBuiltStartedAndAskedMeanwhileAllEnd() throws Exception {
    for (int round = 0; round < 20; round++) {
      IceRuntime own = IceRuntime.builder().pacer(Pacer.unlimited()).build();
      List<IceSession> sessions = new CopyOnWriteArrayList<>();
      List<CompletableFuture<?>> questions = new CopyOnWriteArrayList<>();
      Thread builder = new Thread(() -> {
        try {
          while (true) {
            IceSession session = Loopback.session(own, Role.CONTROLLING)
                .stunServers(List.of(new StunServer("nowhere.example.org", 3478)))
                .build();
            sessions.add(session);
            session.start();
            questions.add(session.statistics());
            questions.add(StunService.start(own, TransportAddress.udp("127.0.0.1", 0)));
          }
        } catch (IllegalStateException closed) {
          // the runtime's end
        }
      });
      builder.start();
      Wait.until(() -> sessions.size() > 3);
      own.close();
      builder.join();
      for (IceSession session : sessions) {
        Loopback.await(session.closed());
      }
      for (CompletableFuture<?> question : questions) {
        Loopback.await(question.handle((answer, failure) -> true));
      }
    }
  }

  @Test
  void serviceThatWaitsForTheHostsAddressesFails() throws Exception {
    List<CompletableFuture<StunService>> starting = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      starting.add(StunService.start(runtime, TransportAddress.udp(IpAddress.ANY4, 0)));
    }
    runtime.close();
    for (CompletableFuture<StunService> each : starting) {
      Loopback.await(each.handle((service, failure) -> true));
    }
  }

  @Test
  void runtimeMayBeClosedOnItsOwnEventLoop() throws Exception {
    UnaryOperator<IceSessionBuilder> closing =
        settings -> settings.onData((stream, component, data) -> runtime.close());
    Pair pair = new Pair(runtime, closing, PLAIN).connect();
    pair.right.send(ByteBuffer.allocate(1));
    Loopback.await(pair.left.closed());
    Loopback.await(pair.right.closed());
    Wait.until(() -> Threads.named("frazil").isEmpty());
  }

  @Test
  void receivingIsRefusedOnEveryEventLoopOfTheRuntime() throws Exception {
    IceSession waiting = Loopback.session(runtime, Role.CONTROLLED).build();
    List<CompletableFuture<Integer>> received = new ArrayList<>();
    for (int i = 0; i < 4; i++) { // more than there are event loops
      CompletableFuture<Integer> outcome = new CompletableFuture<>();
      received.add(outcome);
      IceSession other = Loopback.session(runtime, Role.CONTROLLING)
          .onEvent(event -> {
            try {
              outcome.complete(waiting.receive(ByteBuffer.allocate(1), Duration.ZERO));
            } catch (Exception e) {
              outcome.completeExceptionally(e);
            }
          })
          .build();
      other.start();
    }
    for (CompletableFuture<Integer> outcome : received) {
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> Loopback.await(outcome))
          .withCauseInstanceOf(IllegalStateException.class)
          .withMessageContaining("event loop");
    }
  }
}
