package dev.frazil.netty;

import dev.frazil.ice.InterfaceAddress;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Watches the host's interfaces (RFC 8445 5.1.1.4) for those who want to know, on one thread that lives only as long as
 * somebody does. Everything but the public doors happens on that thread.
 */
final class InterfaceWatch {
  private static final System.Logger LOGGER = System.getLogger(InterfaceWatch.class.getName());

  /** Who wants to know; called on the thread of the watch. */
  interface Listener {
    /** These are the addresses now; also told when they could not be listed and these are the last known ones. */
    void changed(List<InterfaceAddress> addresses);

    /** The addresses can't be listed for now. */
    void failed(String reason);
  }

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
  void subscribe(InterfaceProvider provider, Listener listener) {
    execute(() -> watched.computeIfAbsent(provider, Watched::new).add(listener));
  }

  /** From any thread: tells no more. */
  void unsubscribe(InterfaceProvider provider, Listener listener) {
    execute(() -> {
      Watched entry = watched.get(provider);
      if (entry != null && entry.remove(listener)) {
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
    private final Set<Listener> informed = new LinkedHashSet<>();
    private final Set<Listener> waiting = new LinkedHashSet<>();
    private List<InterfaceAddress> known = List.of();
    private @Nullable String problem;
    private final Future<?> regular;

    Watched(InterfaceProvider provider) {
      this.provider = provider;
      long nanos = interval.toNanos();
      regular = thread.scheduleWithFixedDelay(this::look, nanos, nanos, TimeUnit.NANOSECONDS);
    }

    void add(Listener listener) {
      if (waiting.isEmpty()) {
        execute(this::look); // one look serves all who came until then
      }
      waiting.add(listener);
    }

    /** Whether nobody is left. */
    boolean remove(Listener listener) {
      informed.remove(listener);
      waiting.remove(listener);
      boolean empty = informed.isEmpty() && waiting.isEmpty();
      if (empty) {
        regular.cancel(false);
      }
      return empty;
    }

    private void look() {
      List<Listener> newcomers = List.copyOf(waiting);
      List<Listener> others = List.copyOf(informed);
      boolean knewOfIt = problem != null;
      boolean changed = ask();
      if (thread.isShutdown()) {
        return; // which may be why it failed
      }
      waiting.clear();
      informed.addAll(newcomers);
      String reason = problem;
      if (reason != null) {
        newcomers.forEach(listener -> listener.failed(reason));
        if (!knewOfIt) {
          LOGGER.log(Level.WARNING, () -> "the host's interfaces can't be listed: " + reason);
          others.forEach(listener -> listener.failed(reason));
        }
      }
      newcomers.forEach(listener -> listener.changed(known));
      if (changed) {
        others.forEach(listener -> listener.changed(known));
      }
    }

    /** Whether the addresses are others than before; when they can't be told the known ones stay. */
    private boolean ask() {
      List<InterfaceAddress> before = known;
      try {
        known = List.copyOf(provider.addresses());
        problem = null;
      } catch (Throwable e) { // whatever the application's provider throws must not end the watch
        problem = e.toString();
      }
      return !known.equals(before);
    }
  }
}
