package dev.frazil.server;

import dev.frazil.net.FiveTuple;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnListener;
import dev.frazil.turn.TurnServer;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
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

  private static final int PATIENCE_SECONDS = 2;
  private static final double NANOS = 1e9;

  private final IceRuntime runtime;
  private final Service service;
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "frazil-server");
        thread.setDaemon(true);
        return thread;
      });
  private final AllocationCounts counts = new AllocationCounts(this::transport);
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private final AtomicBoolean closing = new AtomicBoolean();
  private final @Nullable MetricsServer metrics;
  private final List<ControlSocket> controls = new CopyOnWriteArrayList<>();
  private volatile @Nullable SystemdNotice systemd;
  private volatile List<TurnListener> listeners = List.of();
  private volatile boolean draining;
  private volatile ServerConfiguration configuration;

  private FrazilServer(ServerConfiguration configuration)
      throws IOException, ConfigurationException, InterruptedException {
    this.configuration = configuration;
    runtime = configuration.runtime();
    boolean started = false;
    try {
      EventLog log = new EventLog(configuration.fullAddresses);
      service = Service.start(runtime, configuration, log.andThen(counts));
      listeners = service.listeners();
      metrics = configuration.metrics() == null
          ? null
          : MetricsServer.start(configuration.metrics(), new Measured());
      if (configuration.control().isPresent()) {
        control(configuration.control().get());
      }
      started = true;
    } finally {
      if (!started) {
        close();
      }
    }
    long interval = configuration.statistics.toSeconds();
    if (interval > 0) {
      clock.scheduleAtFixedRate(this::logStatistics, interval, interval, TimeUnit.SECONDS);
    }
  }

  /**
   * Checks what can be wrong without opening a socket.
   *
   * @throws ConfigurationException when the host does not fit the configuration
   * @throws IOException when the host's addresses can't be listed
   */
  public static void check(ServerConfiguration configuration)
      throws IOException, ConfigurationException {
    try (IceRuntime runtime = configuration.runtime()) {
      Service.check(runtime, configuration);
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
    return new FrazilServer(configuration);
  }

  /**
   * Answers {@link ServerControl} at a path in the file system, from now on.
   *
   * @throws IOException when that can't be, or another server does
   */
  public void control(Path path) throws IOException {
    controls.add(ControlSocket.open(path, new Asked(), clock));
  }

  /**
   * Tells systemd from now on that the server is ready, reloads or stops, and that it lives, when systemd started it to be
   * told so (sd_notify(3)); does nothing else.
   *
   * @param environment the process's variables
   */
  public void notifySystemd(Map<String, String> environment) {
    SystemdNotice notice = SystemdNotice.of(environment);
    if (notice == null) {
      return;
    }
    systemd = notice;
    notice.ready();
    Duration watchdog = notice.watchdog();
    if (watchdog != null) {
      long interval = watchdog.toNanos() / 2;
      clock.scheduleAtFixedRate(() -> tellAlive(notice), 0, interval, TimeUnit.NANOSECONDS);
    }
  }

  /** A server whose event loops hang is not alive. */
  private void tellAlive(SystemdNotice notice) {
    service.totals().thenRunAsync(notice::alive, clock);
  }

  private void tellSystemd(Consumer<SystemdNotice> what) {
    SystemdNotice notice = systemd;
    if (notice != null) {
      what.accept(notice);
    }
  }

  /** What is listened on, with the addresses and ports that were bound. */
  public List<TurnListener> listeners() {
    return listeners;
  }

  /** What the sockets run on: {@code epoll}, for example. */
  public String engine() {
    return Names.of(runtime.transport());
  }

  /** The port of metrics and health; 0 where there are none. */
  public int metricsPort() {
    return metrics == null ? 0 : metrics.port();
  }

  /** Whether clients may allocate; else Binding requests alone are answered. */
  public boolean relays() {
    return service.relays();
  }

  /**
   * Goes on with other users, secrets, quotas, peer rules and certificates; allocations stay. Where to listen and whether to relay at
   * all are kept until the next start.
   */
  public void reconfigure(ServerConfiguration value) throws IOException, ConfigurationException {
    tellSystemd(SystemdNotice::reloading);
    try {
      service.reconfigure(runtime, value);
    } finally {
      tellSystemd(SystemdNotice::ready);
    }
    if (!value.listeners().equals(configuration.listeners()) || value.relays() != relays()) {
      LOGGER.log(Level.WARNING, "listening addresses and modes change with the next start only");
    }
    configuration = value;
    value.advice().forEach(advice -> LOGGER.log(Level.WARNING, advice));
    LOGGER.log(Level.INFO, () -> "event=reconfigured " + value.summary());
  }

  /** Makes no more allocations, and closes when the last is gone or the time for that is over. */
  public void drain() {
    Duration limit = configuration.drain;
    draining = true;
    tellSystemd(SystemdNotice::stopping);
    LOGGER.log(Level.INFO, () -> "event=draining seconds=" + limit.toSeconds());
    service
        .drain()
        .completeOnTimeout(null, limit.toMillis(), TimeUnit.MILLISECONDS)
        .thenRunAsync(this::close, task -> new Thread(task, "frazil-end").start());
  }

  /** Done when the server is closed and its threads have ended. */
  public CompletableFuture<Void> closed() {
    return closed.copy();
  }

  /** What a client at this path speaks to the server. */
  private String transport(FiveTuple path) {
    return listeners.stream()
        .filter(listener -> listener.address().equals(path.local()))
        .findFirst()
        .map(listener -> Names.of(listener.kind()))
        .orElseGet(() -> Names.of(path.local().transport()));
  }

  private void logStatistics() {
    service
        .totals()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .whenComplete((totals, failure) -> {
          if (failure == null) {
            LOGGER.log(Level.INFO, () -> "event=statistics " + totals);
          } else if (!closing.get()) {
            LOGGER.log(Level.WARNING, "no statistics: the event loops do not answer in time");
          }
        });
  }

  /** What was done since the start. */
  CompletableFuture<Totals> totals() {
    return service.totals();
  }

  /** Ends all allocations, frees the ports and ends the threads. Repeated calls do nothing. */
  @Override
  public void close() {
    if (closing.compareAndSet(false, true)) {
      tellSystemd(SystemdNotice::stopping);
      controls.forEach(ControlSocket::close);
      clock.shutdownNow();
      runtime.close();
      if (metrics != null) {
        metrics.close();
      }
      tellSystemd(SystemdNotice::close);
      LOGGER.log(Level.INFO, "event=closed"); // before who waits may end the log
      closed.complete(null);
    }
  }

  /** What its owner asks of the server. */
  private final class Asked implements ControlSocket.Commands {
    @Override
    public CompletableFuture<List<ServerSession>> sessions() {
      return service
          .sessions()
          .thenApplyAsync(all -> all.stream().map(this::row).toList(), clock);
    }

    private ServerSession row(TurnServer.Session session) {
      TurnServer.Traffic traffic = session.traffic();
      return new ServerSession(
          session.id(),
          session.username(),
          transport(session.client()),
          session.client().remote().toString(),
          session.relayed().stream().map(Object::toString).toList(),
          session.permissions(),
          session.channels(),
          session.connections(),
          traffic.packetsToPeers(),
          traffic.bytesToPeers(),
          traffic.packetsToClient(),
          traffic.bytesToClient());
    }

    @Override
    public CompletableFuture<Boolean> end(long id) {
      return service.end(id);
    }

    @Override
    public CompletableFuture<Integer> endUser(String user) {
      return service
          .sessions()
          .thenComposeAsync(
              all -> {
                CompletableFuture<Integer> ended = CompletableFuture.completedFuture(0);
                for (TurnServer.Session session : all) {
                  if (configuration.isOf(session.username(), user)) {
                    ended = ended.thenCombine(
                        service.end(session.id()), (count, done) -> done ? count + 1 : count);
                  }
                }
                return ended;
              },
              clock);
    }
  }

  /** What whoever watches the server asks. */
  private final class Measured implements MetricsServer.Source {
    private final ServerMetrics names = new ServerMetrics();

    @Override
    public CompletableFuture<MetricSnapshots> metrics() {
      long asked = System.nanoTime();
      return service
          .totals()
          .thenApply(totals -> new Answer(totals, (System.nanoTime() - asked) / NANOS))
          .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
          .thenApplyAsync(
              answer ->
                  names.of(answer.totals(), counts, configuration, draining, answer.seconds()),
              clock);
    }

    @Override
    public CompletableFuture<@Nullable String> trouble() {
      return service
          .totals()
          .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
          .handle((totals, failure) ->
              failure != null ? "the event loops do not answer" : draining ? "draining" : null);
    }

    private record Answer(Totals totals, double seconds) {}
  }
}
