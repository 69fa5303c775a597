package dev.frazil.netty;

import dev.frazil.ice.InterfaceAddress;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Watches the host's interfaces (RFC 8445 5.1.1.4) for those who want to know, on one thread that lives only as long as
 * somebody does. Everything but the public doors happens on that thread.
 */
final class InterfaceWatch {
  private static final System.Logger LOGGER = System.getLogger(InterfaceWatch.class.getName());

  private final ScheduledThreadPoolExecutor thread;
  private final Duration interval;
  private final IdentityHashMap<InterfaceProvider, Watched> watched = new IdentityHashMap<>();

  InterfaceWatch(Duration interval) {
    this.interval = interval;
    thread = new ScheduledThreadPoolExecutor(1, task -> {
      Thread made = new Thread(task, "frazil-interfaces");
      made.setDaemon(true);
      return made;
    });
    thread.setKeepAliveTime(1, TimeUnit.SECONDS);
    thread.allowCoreThreadTimeOut(true);
    thread.setRemoveOnCancelPolicy(true);
  }

  /** From any thread: tells the addresses soon, and again whenever they have changed. */
  void subscribe(InterfaceProvider provider, Consumer<List<InterfaceAddress>> subscriber) {
    execute(() -> watched.computeIfAbsent(provider, Watched::new).add(subscriber));
  }

  /** From any thread: tells no more. */
  void unsubscribe(InterfaceProvider provider, Consumer<List<InterfaceAddress>> subscriber) {
    execute(() -> {
      Watched entry = watched.get(provider);
      if (entry != null && entry.remove(subscriber)) {
        watched.remove(provider);
      }
    });
  }

  /** From any thread: ends the watch. */
  void close() {
    thread.shutdownNow();
  }

  private void execute(Runnable task) {
    try {
      thread.execute(task);
    } catch (RejectedExecutionException e) {
      LOGGER.log(Level.DEBUG, "the runtime is closed");
    }
  }

  /** One provider and those who listen to it. */
  private final class Watched {
    private final InterfaceProvider provider;
    private final Set<Consumer<List<InterfaceAddress>>> informed = new LinkedHashSet<>();
    private final Set<Consumer<List<InterfaceAddress>>> waiting = new LinkedHashSet<>();
    private List<InterfaceAddress> known = List.of();
    private final Future<?> regular;

    Watched(InterfaceProvider provider) {
      this.provider = provider;
      long nanos = interval.toNanos();
      regular = thread.scheduleWithFixedDelay(this::look, nanos, nanos, TimeUnit.NANOSECONDS);
    }

    void add(Consumer<List<InterfaceAddress>> subscriber) {
      if (waiting.isEmpty()) {
        execute(this::look); // one look serves all who came until then
      }
      waiting.add(subscriber);
    }

    /** Whether nobody is left. */
    boolean remove(Consumer<List<InterfaceAddress>> subscriber) {
      informed.remove(subscriber);
      waiting.remove(subscriber);
      boolean empty = informed.isEmpty() && waiting.isEmpty();
      if (empty) {
        regular.cancel(false);
      }
      return empty;
    }

    private void look() {
      List<InterfaceAddress> now = ask();
      List<Consumer<List<InterfaceAddress>>> listeners = new ArrayList<>(waiting);
      if (now != null && !now.equals(known)) {
        known = now;
        listeners.addAll(informed);
      }
      informed.addAll(waiting);
      waiting.clear();
      listeners.forEach(listener -> listener.accept(known));
    }

    private @Nullable List<InterfaceAddress> ask() {
      try {
        return List.copyOf(provider.addresses());
      } catch (IOException | RuntimeException e) {
        LOGGER.log(Level.WARNING, () -> "the host's interfaces can't be listed: " + e);
        return null;
      }
    }
  }
}
