package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.InterfaceAddress;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class InterfaceWatchTest {
  private static final List<InterfaceAddress> ONE = List.of(Loopback.address("127.0.0.1"));
  private static final List<InterfaceAddress> TWO =
      List.of(Loopback.address("127.0.0.1"), Loopback.address("127.0.0.2"));

  private final InterfaceWatch watch = new InterfaceWatch(Duration.ofMillis(5));
  private final BlockingQueue<List<InterfaceAddress>> told = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> failures = new LinkedBlockingQueue<>();
  private volatile List<InterfaceAddress> present = ONE;

  @AfterEach
  void close() {
    watch.close();
  }

  /** Each is another listener. */
  private final class Ear implements InterfaceWatch.Listener {
    @Override
    public void changed(List<InterfaceAddress> addresses) {
      told.add(addresses);
    }

    @Override
    public void failed(String reason) {
      failures.add(reason);
    }
  }

  private List<InterfaceAddress> next() throws InterruptedException {
    return told.poll(Loopback.LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  @Test
  void changesAreToldAndNothingElse() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    watch.subscribe(
        () -> {
          looks.incrementAndGet();
          return present;
        },
        new Ear());
    assertThat(next()).isEqualTo(ONE);
    int before = looks.get();
    Wait.until(() -> looks.get() > before + 5);
    assertThat(told).isEmpty();

    present = TWO;
    assertThat(next()).isEqualTo(TWO);
  }

  @Test
  void whoComesLaterIsToldToo() throws Exception {
    InterfaceProvider provider = () -> present;
    watch.subscribe(provider, new Ear());
    assertThat(next()).isEqualTo(ONE);

    watch.subscribe(provider, new Ear());
    assertThat(next()).isEqualTo(ONE);
  }

  @Test
  void oneLookServesAllWhoWait() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    CountDownLatch open = new CountDownLatch(1);
    InterfaceWatch slow = new InterfaceWatch(Duration.ofHours(1));
    InterfaceProvider provider = () -> {
      looks.incrementAndGet();
      try {
        open.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      return ONE;
    };
    try {
      for (int i = 0; i < 1000; i++) {
        slow.subscribe(provider, new Ear());
      }
      open.countDown();
      for (int i = 0; i < 1000; i++) {
        assertThat(next()).isEqualTo(ONE);
      }
      assertThat(looks.get()).isLessThan(10);
    } finally {
      slow.close();
    }
  }

  @Test
  void failureKeepsWhatIsKnown() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    watch.subscribe(
        () -> {
          if (looks.incrementAndGet() == 2) {
            throw new IOException("not now");
          }
          return present;
        },
        new Ear());
    assertThat(next()).isEqualTo(ONE);
    Wait.until(() -> looks.get() > 4);
    assertThat(told).isEmpty();
    assertThat(failures).singleElement().asString().contains("not now");
  }

  @Test
  void failureThatLastsIsToldOnceAndItsEndEndsIt() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    watch.subscribe(
        () -> {
          int look = looks.incrementAndGet();
          if (look > 1 && look < 6) {
            throw new NoClassDefFoundError("a defect of the application, on purpose");
          }
          return look == 1 ? ONE : TWO;
        },
        new Ear());
    assertThat(next()).isEqualTo(ONE);
    assertThat(next()).isEqualTo(TWO);
    assertThat(failures).singleElement().asString().contains("on purpose");
  }

  @Test
  void failureAtTheBeginningStillAnswers() throws Exception {
    watch.subscribe(
        () -> {
          throw new IOException("never");
        },
        new Ear());
    assertThat(next()).isEmpty();
    assertThat(failures.take()).contains("never");
  }

  @Test
  void providerIsLeftAloneWhenNobodyListens() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    InterfaceProvider provider = () -> {
      looks.incrementAndGet();
      return present;
    };
    InterfaceWatch.Listener listener = new Ear();
    watch.subscribe(provider, listener);
    next();
    watch.unsubscribe(provider, listener);
    InterfaceProvider other = () -> TWO;
    watch.subscribe(other, new Ear());
    assertThat(next()).isEqualTo(TWO); // the unsubscription is done
    int before = looks.get();

    AtomicInteger later = new AtomicInteger();
    watch.subscribe(
        () -> {
          later.incrementAndGet();
          return ONE;
        },
        new Ear());
    Wait.until(() -> later.get() > 5);
    assertThat(looks.get()).isEqualTo(before);
  }

  @Test
  void threadEndsWhenNobodyListens() throws Exception {
    InterfaceProvider provider = () -> present;
    InterfaceWatch.Listener listener = new Ear();
    watch.subscribe(provider, listener);
    next();
    assertThat(Threads.named("frazil-interfaces")).isNotEmpty();
    watch.unsubscribe(provider, listener);
    Wait.until(() -> Threads.named("frazil-interfaces").isEmpty());
  }
}
