package dev.frazil.server;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.StunService;
import dev.frazil.netty.TurnListener;
import dev.frazil.netty.TurnService;
import dev.frazil.netty.TurnServiceSettings;
import dev.frazil.stun.BindingServer;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A running STUN and TURN server: what {@code frazil serve} runs. It writes what happens to the {@link System.Logger} of
 * this package.
 */
public final class FrazilServer implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(FrazilServer.class.getName());

  private final IceRuntime runtime;
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "frazil-server");
        thread.setDaemon(true);
        return thread;
      });
  private final List<StunService> bindings = new ArrayList<>();
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private final AtomicBoolean closing = new AtomicBoolean();
  private @Nullable TurnService relay;
  private volatile ServerConfiguration configuration;
  private List<TransportAddress> addresses = List.of();

  private FrazilServer(ServerConfiguration configuration) {
    this.configuration = configuration;
    runtime = IceRuntime.builder().eventLoops(1).build();
  }

  /**
   * Checks what can be wrong without opening a socket.
   *
   * @throws ConfigurationException when the host does not fit the configuration
   * @throws IOException when the host's addresses can't be listed
   */
  public static void check(ServerConfiguration configuration)
      throws IOException, ConfigurationException {
    try (IceRuntime runtime = IceRuntime.builder().eventLoops(1).build()) {
      turn(runtime, configuration);
    }
  }

  /**
   * Starts a server and waits until it listens.
   *
   * @throws ConfigurationException when the host does not fit the configuration
   * @throws IOException when an address can't be bound, naming it
   */
  public static FrazilServer start(ServerConfiguration configuration)
      throws IOException, ConfigurationException, InterruptedException {
    FrazilServer server = new FrazilServer(configuration);
    boolean started = false;
    try {
      server.open();
      started = true;
    } finally {
      if (!started) {
        server.close();
      }
    }
    return server;
  }

  private static @Nullable TurnServerConfiguration turn(
      IceRuntime runtime, ServerConfiguration configuration)
      throws IOException, ConfigurationException {
    return configuration.relays()
        ? configuration.turn(TurnService.configuration(runtime), HostAddresses.now())
        : null;
  }

  private void open() throws IOException, ConfigurationException, InterruptedException {
    TurnServerConfiguration turn = turn(runtime, configuration);
    if (turn == null) {
      openBindings();
    } else {
      TurnServiceSettings.Builder settings = TurnServiceSettings.builder(said(configuration));
      configuration
          .listen()
          .forEach(address -> settings.listen(new TurnListener(TurnListener.Kind.UDP, address)));
      EventLog log = new EventLog(configuration.fullAddresses);
      relay = await(TurnService.start(runtime, settings.build(), log));
      addresses = relay.listeners().stream().map(TurnListener::address).toList();
    }
    long interval = configuration.statistics.toSeconds();
    if (interval > 0) {
      clock.scheduleAtFixedRate(this::logStatistics, interval, interval, TimeUnit.SECONDS);
    }
  }

  /** What was checked already, said on a builder. */
  private static Consumer<TurnServerConfiguration.Builder> said(ServerConfiguration configuration)
      throws IOException {
    HostAddresses host = HostAddresses.now();
    return builder -> {
      try {
        configuration.turn(builder, host);
      } catch (ConfigurationException e) {
        throw new IllegalArgumentException(e.getMessage(), e);
      }
    };
  }

  private void openBindings() throws IOException, InterruptedException {
    List<TransportAddress> open = new ArrayList<>();
    for (TransportAddress address : configuration.listen()) {
      try {
        StunService service = await(StunService.start(runtime, address, configuration.binding()));
        bindings.add(service);
        open.addAll(service.addresses());
      } catch (IOException e) {
        throw new IOException(address + ": " + e.getMessage(), e);
      }
    }
    addresses = List.copyOf(open);
  }

  private static <T> T await(CompletableFuture<T> future) throws IOException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw cause instanceof IOException known ? known : new IOException(cause);
    }
  }

  /** The addresses that are listened on. */
  public List<TransportAddress> addresses() {
    return addresses;
  }

  /** Whether clients may allocate; else Binding requests alone are answered. */
  public boolean relays() {
    return relay != null;
  }

  /**
   * Goes on with other users, secrets, quotas and peer rules; allocations stay. Where to listen and whether to relay at
   * all are kept until the next start.
   */
  public void reconfigure(ServerConfiguration value) throws IOException, ConfigurationException {
    if (!value.listen().equals(configuration.listen()) || value.relays() != relays()) {
      LOGGER.log(Level.WARNING, "listening addresses and modes change with the next start only");
    }
    TurnServerConfiguration turn = turn(runtime, value);
    if (relay != null && turn != null) {
      relay.reconfigure(said(value));
    }
    configuration = value;
    LOGGER.log(Level.INFO, () -> "event=reconfigured " + value);
  }

  /** Makes no more allocations, and closes when the last is gone or the time for that is over. */
  public void drain() {
    Duration limit = configuration.drain;
    LOGGER.log(Level.INFO, () -> "event=draining seconds=" + limit.toSeconds());
    CompletableFuture<Void> drained =
        relay == null ? CompletableFuture.completedFuture(null) : relay.drain();
    drained
        .completeOnTimeout(null, limit.toMillis(), TimeUnit.MILLISECONDS)
        .thenRunAsync(this::close, task -> new Thread(task, "frazil-end").start());
  }

  /** Done when the server is closed and its threads have ended. */
  public CompletableFuture<Void> closed() {
    return closed.copy();
  }

  private void logStatistics() {
    try {
      String line = statistics();
      LOGGER.log(Level.INFO, line);
    } catch (InterruptedException | IOException e) {
      LOGGER.log(Level.DEBUG, "no statistics: the server ends");
    }
  }

  /** What was done since the start, in one line of {@code key=value}. */
  String statistics() throws IOException, InterruptedException {
    if (relay == null) {
      long answered = 0;
      for (StunService each : bindings) {
        BindingServer.Statistics statistics = await(each.statistics());
        answered += statistics.answered();
      }
      return "event=statistics bindings=" + answered;
    }
    TurnService.Statistics all = await(relay.statistics());
    TurnServer.Statistics server = all.server();
    return "event=statistics allocations=" + server.allocations()
        + " answered=" + server.answered()
        + " refused=" + sum(server.refused().values())
        + " dropped=" + sum(server.dropped().values())
        + " bindings=" + server.binding().answered()
        + " unsent=" + all.unsent();
  }

  private static long sum(Iterable<Long> counts) {
    long sum = 0;
    for (long count : counts) {
      sum += count;
    }
    return sum;
  }

  /** Ends all allocations, frees the ports and ends the threads. Repeated calls do nothing. */
  @Override
  public void close() {
    if (closing.compareAndSet(false, true)) {
      clock.shutdownNow();
      runtime.close();
      closed.complete(null);
      LOGGER.log(Level.INFO, "event=closed");
    }
  }
}
