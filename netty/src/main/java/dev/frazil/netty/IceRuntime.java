package dev.frazil.netty;

import dev.frazil.ice.Pacer;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.Sockets;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * What sessions share: event loops, the process's pace (RFC 8445 14.2), name look-ups and the watch over the host's
 * interfaces. A process needs one.
 *
 * <p>It has one thread for each event loop and one that looks at the interfaces, at most four with default settings. They
 * start when they are first needed and do not keep the process alive.
 */
public final class IceRuntime implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(IceRuntime.class.getName());

  /** RFC 8445 14.2 paces a process, however many runtimes it has. */
  private static final Pacer PROCESS_PACER = Pacer.standard();

  private static final int MOST_DEFAULT_EVENT_LOOPS = 3;
  private static final long CLOSE_LIMIT_SECONDS = 5;

  private final MultiThreadIoEventLoopGroup group;
  private final List<Driver> drivers = new ArrayList<>();
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final Sockets sockets;
  private final Names names;
  private final InterfaceWatch interfaces;
  private final Pacer pacer;
  private final RandomGenerator random = new SecureBits();

  private IceRuntime(Builder builder) {
    sockets = builder.transport == IoTransport.AUTO
        ? Sockets.automatic()
        : Sockets.of(Sockets.Engine.valueOf(builder.transport.name()));
    pacer = builder.pacer;
    group = new MultiThreadIoEventLoopGroup(
        builder.eventLoops, new DefaultThreadFactory("frazil", true), sockets.handlers());
    group.forEach(loop -> drivers.add(new Driver((EventLoop) loop, sockets, builder.batching)));
    names = new Names(drivers.get(0).eventLoop(), sockets, builder.nameServers);
    interfaces = new InterfaceWatch(builder.interfaceInterval);
  }

  /** A runtime with default settings. */
  public static IceRuntime create() {
    return builder().build();
  }

  /** Starts the settings of a runtime. */
  public static Builder builder() {
    return new Builder();
  }

  /** What the sockets run on, never {@link IoTransport#AUTO}. */
  public IoTransport transport() {
    return IoTransport.valueOf(sockets.engine().name());
  }

  /** The driver of an event loop, each in turn. */
  Driver nextDriver() {
    return drivers.get(Math.floorMod(next.getAndIncrement(), drivers.size()));
  }

  /** The drivers of so many event loops, of all at most, the next in turn first. */
  List<Driver> drivers(int count) {
    List<Driver> found = new ArrayList<>();
    int most = Math.min(count, drivers.size());
    int first = next.getAndAdd(most);
    for (int i = 0; i < most; i++) {
      found.add(drivers.get(Math.floorMod(first + i, drivers.size())));
    }
    return found;
  }

  /** The number of sessions and services that are not closed. */
  int machines() {
    return drivers.stream().mapToInt(Driver::size).sum();
  }

  Names names() {
    return names;
  }

  InterfaceWatch interfaces() {
    return interfaces;
  }

  Pacer pacer() {
    return pacer;
  }

  RandomGenerator random() {
    return random;
  }

  /** Whether the thread is one of an event loop. */
  boolean isHere() {
    return drivers.stream().anyMatch(Driver::isHere);
  }

  void checkOpen() {
    if (closed.get()) {
      throw new IllegalStateException("the runtime is closed");
    }
  }

  /**
   * Closes all sessions and services and ends every thread, within a few seconds. Waits for that, but not when called on
   * an event loop of its own. Repeated calls do nothing.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    interfaces.close();
    names.close();
    boolean here = isHere();
    AtomicInteger open = new AtomicInteger(drivers.size());
    for (Driver driver : drivers) {
      driver.executeLater(() -> {
        driver.shutDown();
        if (open.decrementAndGet() == 0) {
          endThreads(); // only now: it closes sockets that a session would take for broken
        }
      });
    }
    try {
      if (!here && !group.awaitTermination(CLOSE_LIMIT_SECONDS, TimeUnit.SECONDS)) {
        LOGGER.log(Level.WARNING, "a handler of the application keeps an event loop from ending");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void endThreads() {
    group.shutdownGracefully(0, CLOSE_LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  /** Collects the settings of a runtime; each has a default. */
  public static final class Builder {
    private static final Duration SHORTEST_INTERVAL = Duration.ofMillis(100);
    private static final Duration LONGEST_INTERVAL = Duration.ofDays(1);
    private static final Duration LONGEST_BATCHING = Duration.ofMillis(10);

    private IoTransport transport = IoTransport.AUTO;
    private int eventLoops =
        Math.min(MOST_DEFAULT_EVENT_LOOPS, Runtime.getRuntime().availableProcessors());
    private Pacer pacer = PROCESS_PACER;
    private Duration interfaceInterval = Duration.ofSeconds(3);
    private Duration batching = Duration.ZERO;
    private @Nullable DnsServerAddressStreamProvider nameServers;

    private Builder() {}

    /**
     * What the sockets run on. Default {@link IoTransport#AUTO}. One that is named but not available makes {@link #build}
     * throw an {@link IllegalStateException}.
     */
    public Builder transport(IoTransport value) {
      transport = Objects.requireNonNull(value, "transport");
      return this;
    }

    /** The number of event loops, 1 to 256, each with a thread. Default one per processor, at most 3. */
    public Builder eventLoops(int value) {
      if (value < 1 || value > 256) {
        throw new IllegalArgumentException("eventLoops " + value + ": must be 1 to 256");
      }
      eventLoops = value;
      return this;
    }

    /**
     * The pace of all sessions together. Default one transaction in 5 ms over all runtimes of the process, as RFC 8445
     * 14.2 wants; {@link Pacer#unlimited} opts out.
     */
    public Builder pacer(Pacer value) {
      pacer = Objects.requireNonNull(value, "pacer");
      return this;
    }

    /** How often the host's interfaces are looked at while a session lives, 100 ms to a day. Default 3 s. */
    public Builder interfaceInterval(Duration value) {
      if (value.compareTo(SHORTEST_INTERVAL) < 0 || value.compareTo(LONGEST_INTERVAL) > 0) {
        throw new IllegalArgumentException("interfaceInterval " + value + ": must be "
            + SHORTEST_INTERVAL + " to " + LONGEST_INTERVAL);
      }
      interfaceInterval = value;
      return this;
    }

    /**
     * How long an event loop waits for more datagrams where that saves work, which is where many clients send little each:
     * 0, for never, to 10 ms. It does not wait when next to nothing comes, nor when it has no time to. Default 0; a server
     * of many clients does well with 300 µs.
     */
    public Builder batching(Duration value) {
      if (value.isNegative() || value.compareTo(LONGEST_BATCHING) > 0) {
        throw new IllegalArgumentException(
            "batching " + value + ": must be 0 to " + LONGEST_BATCHING);
      }
      batching = value;
      return this;
    }

    /** Other name servers than the system's. */
    Builder nameServers(DnsServerAddressStreamProvider value) {
      nameServers = value;
      return this;
    }

    /** Makes the runtime. */
    public IceRuntime build() {
      return new IceRuntime(this);
    }
  }
}
