package dev.frazil.cli;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.StunService;
import java.io.IOException;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** The first half of the demo: two processes that find each other, this one being their go-between. */
final class TwoProcesses {
  /** Starting two JVMs on a busy machine. */
  private static final Duration HELLO_WAIT = Duration.ofSeconds(20);

  private static final int MOST_SERVERS = 4;

  /**
   * @param loopback over loopback, else over the machine's own interfaces
   * @param count payloads to send
   * @param size bytes of each
   * @param interval milliseconds between them
   * @param timeout how long connecting may take
   */
  record Settings(boolean loopback, int count, int size, double interval, Duration timeout) {
    /** Longer than the payloads take, there and back; the sender itself ends before. */
    private Duration sending() {
      return Duration.ofMillis(Math.round(2 * count * interval)).plusSeconds(20);
    }
  }

  private record Said(PeerProcess by, @Nullable ObjectNode line) {}

  private final Settings settings;
  private final BiConsumer<String, ObjectNode> observer;
  private final BlockingQueue<Said> said = new LinkedBlockingQueue<>();

  /**
   * @param observer gets every line that a peer prints, with the peer's name
   */
  TwoProcesses(Settings settings, BiConsumer<String, ObjectNode> observer) {
    this.settings = settings;
    this.observer = observer;
  }

  /**
   * Runs them until all payloads are back or that has become impossible.
   *
   * @return what happened to each, the sender first
   */
  List<PeerStory> run() throws IOException, InterruptedException {
    try (IceRuntime runtime = IceRuntime.builder().eventLoops(1).build();
        StunService stun = bindingServer(runtime);
        PeerProcess a = start("A", "--controlling", stun);
        PeerProcess b = start("B", "--controlled", stun);
        OnExit exit = new OnExit(() -> {
          a.kill();
          b.kill();
        })) {
      PeerStory storyA = new PeerStory("A");
      PeerStory storyB = new PeerStory("B");
      Crossing crossing = new Crossing(a, storyA, b, storyB);
      crossing.until(HELLO_WAIT, () -> storyA.hasBegun() && storyB.hasBegun());
      a.tell("start");
      b.tell("start");
      BooleanSupplier over = () -> storyA.hasEnded() || storyB.hasFailed();
      crossing.until(settings.timeout, () -> storyA.isConnected() || over.getAsBoolean());
      if (storyA.isConnected()) {
        crossing.until(settings.sending(), over);
      }
      a.tell("stop");
      b.tell("stop");
      crossing.untilBothAreGone();
      return List.of(storyA, storyB);
    }
  }

  private StunService bindingServer(IceRuntime runtime) throws IOException, InterruptedException {
    String address = settings.loopback ? "127.0.0.1" : "0.0.0.0";
    try {
      return StunService.start(runtime, TransportAddress.udp(IpAddress.parse(address), 0))
          .get(10, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(
          "the STUN server of the demo does not start: " + cause.getMessage(), cause);
    }
  }

  private PeerProcess start(String name, String role, StunService stun) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(role, "--trickle", "--events", "-"));
    arguments.addAll(List.of("--count", "" + settings.count, "--size", "" + settings.size));
    arguments.addAll(List.of("--interval", "" + settings.interval));
    arguments.addAll(List.of("--timeout", "" + settings.timeout.toMillis() / 1e3));
    if (settings.loopback) {
      arguments.add("--loopback");
      loopbacks().forEach(each -> arguments.addAll(List.of("--interface", each)));
    }
    stun.addresses().stream()
        .filter(address -> settings.loopback || !address.ip().isLoopback())
        .limit(MOST_SERVERS)
        .forEach(address -> arguments.addAll(List.of("--stun", address.toString())));
    return new PeerProcess(name, arguments, (peer, line) -> said.add(new Said(peer, line)));
  }

  private static List<String> loopbacks() throws SocketException {
    List<String> names = new ArrayList<>();
    for (NetworkInterface each : Collections.list(NetworkInterface.getNetworkInterfaces())) {
      if (each.isLoopback()) {
        names.add(each.getName());
      }
    }
    return names;
  }

  /** Hands each peer's lines to the other one, and to whoever watches. */
  private final class Crossing {
    private final PeerProcess a;
    private final PeerStory storyA;
    private final PeerProcess b;
    private final PeerStory storyB;
    private int gone;

    Crossing(PeerProcess a, PeerStory storyA, PeerProcess b, PeerStory storyB) {
      this.a = a;
      this.storyA = storyA;
      this.b = b;
      this.storyB = storyB;
    }

    void until(Duration limit, BooleanSupplier condition) throws IOException, InterruptedException {
      long end = System.nanoTime() + limit.toNanos();
      while (!condition.getAsBoolean()) {
        Said next = said.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (next == null) {
          return;
        }
        if (next.line == null) {
          throw new IOException("program " + next.by.name() + " ended by itself");
        }
        pass(next.by, next.line);
      }
    }

    void untilBothAreGone() throws InterruptedException {
      while (gone < 2) {
        Said next = said.poll(3, TimeUnit.SECONDS);
        if (next == null) {
          return;
        }
        if (next.line == null) {
          gone++;
        } else {
          pass(next.by, next.line);
        }
      }
    }

    private void pass(PeerProcess from, ObjectNode line) {
      switch (line.path("type").asString("")) {
        case "credentials", "candidate", "end-of-candidates" -> (from == a ? b : a).tell(line);
        default -> {}
      }
      (from == a ? storyA : storyB).handle(line);
      observer.accept(from.name(), line);
    }
  }
}
