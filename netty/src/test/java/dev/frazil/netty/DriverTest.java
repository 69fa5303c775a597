package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.netty.io.Driven;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.Sockets;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DriverTest {
  private final Sockets sockets = Sockets.automatic();
  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, sockets.handlers());
  private final Driver driver = new Driver((EventLoop) group.iterator().next(), sockets);

  @AfterEach
  void close() throws Exception {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
  }

  private void on(Runnable task) throws Exception {
    driver.eventLoop().submit(task).get(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  @Test
  void machinesAreCalledWhenTheyAreDueAndInThatOrder() throws Exception {
    List<String> calls = new ArrayList<>();
    CompletableFuture<Void> last = new CompletableFuture<>();
    on(() -> {
      long now = driver.now();
      for (int millis : new int[] {30, 10, 20}) {
        Once once = new Once(driver, now + Duration.ofMillis(millis).toNanos(), calls, last);
        once.name = millis + " ms";
        once.turn(time -> {});
      }
    });
    Loopback.await(last);
    assertThat(calls).containsExactly("10 ms", "20 ms", "30 ms");
  }

  @Test
  void noMachineIsCalledEarly() throws Exception {
    CompletableFuture<Void> last = new CompletableFuture<>();
    List<String> calls = new ArrayList<>();
    long[] due = new long[1];
    on(() -> {
      due[0] = driver.now() + Duration.ofMillis(25).toNanos();
      Once once = new Once(driver, due[0], calls, last);
      once.expected = 1;
      once.turn(time -> {});
    });
    Loopback.await(last);
    assertThat(driver.now()).isGreaterThanOrEqualTo(due[0]);
  }

  @Test
  void deadlineThatMovesForwardIsMet() throws Exception {
    CompletableFuture<Void> last = new CompletableFuture<>();
    List<String> calls = new ArrayList<>();
    on(() -> {
      Once once = new Once(driver, driver.now() + Duration.ofHours(1).toNanos(), calls, last);
      once.expected = 1;
      once.turn(time -> {});
      once.turn(time -> once.deadline = time + Duration.ofMillis(5).toNanos());
    });
    Loopback.await(last);
    assertThat(calls).hasSize(1);
  }

  @Test
  void machineThatIsAlwaysDueLeavesTheEventLoopToOthers() throws Exception {
    Once greedy = new Once(driver, 0, new ArrayList<>(), new CompletableFuture<>()) {
      @Override
      void fire() {}
    };
    on(() -> greedy.turn(time -> {}));
    on(() -> {}); // would never come
    on(greedy::detach);
  }

  @Test
  void callsFromDispatchJoinTheSameRound() throws Exception {
    List<String> told = new ArrayList<>();
    on(() -> {
      Once talker = new Once(driver, ProtocolMachine.NEVER, told, new CompletableFuture<>()) {
        private final List<String> said = new ArrayList<>(List.of("first"));

        @Override
        public void dispatch() {
          while (!said.isEmpty()) {
            String word = said.remove(0);
            told.add(word);
            if (word.equals("first")) {
              turn(now -> said.add("second"));
              told.add("after the inner call");
            }
          }
        }
      };
      talker.turn(now -> {});
    });
    assertThat(told).containsExactly("first", "after the inner call", "second");
  }

  @Test
  void machinesThatLeftAreNotCalled() throws Exception {
    List<String> calls = new ArrayList<>();
    CompletableFuture<Void> last = new CompletableFuture<>();
    on(() -> {
      long now = driver.now();
      Once gone = new Once(driver, now + Duration.ofMillis(1).toNanos(), calls, last);
      gone.name = "gone";
      gone.turn(time -> {});
      gone.detach();
      Once there = new Once(driver, now + Duration.ofMillis(5).toNanos(), calls, last);
      there.name = "there";
      there.expected = 1;
      there.turn(time -> {});
      assertThat(driver.size()).isEqualTo(1);
    });
    Loopback.await(last);
    assertThat(calls).containsExactly("there");
  }

  @Test
  void timeIsNeverNegative() {
    assertThat(driver.now()).isNotNegative();
  }

  /** A machine that wants to be called once. */
  private static class Once extends Driven {
    String name = "";
    long deadline;
    int expected = 3;
    private final List<String> calls;
    private final CompletableFuture<Void> last;
    private final ProtocolMachine machine = new ProtocolMachine() {
      @Override
      public void handleDatagram(FiveTuple path, ByteBuffer datagram, long now) {}

      @Override
      public void handleTimeout(long now) {
        if (now >= deadline) {
          fire();
        }
      }

      @Override
      public long nextTimeout() {
        return deadline;
      }
    };

    Once(Driver driver, long deadline, List<String> calls, CompletableFuture<Void> last) {
      super(driver);
      this.deadline = deadline;
      this.calls = calls;
      this.last = last;
    }

    @Override
    public ProtocolMachine machine() {
      return machine;
    }

    @Override
    public void dispatch() {}

    @Override
    public void shutDown() {
      detach();
    }

    void fire() {
      calls.add(name);
      deadline = ProtocolMachine.NEVER;
      if (calls.size() == expected) {
        last.complete(null);
      }
    }
  }
}
