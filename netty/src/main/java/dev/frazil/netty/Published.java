package dev.frazil.netty;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.IceState;
import dev.frazil.ice.Role;
import dev.frazil.net.FiveTuple;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** What any thread may read of a session: the event loop writes it, as the agent's events tell. */
final class Published {
  final AtomicReferenceArray<IceParameters> local;
  final AtomicReferenceArray<@Nullable IceParameters> remote;
  final CompletableFuture<List<Candidate>> gathered = new CompletableFuture<>();
  final CompletableFuture<Void> connected = new CompletableFuture<>();
  final CompletableFuture<Void> completed = new CompletableFuture<>();
  final CompletableFuture<Void> closed = new CompletableFuture<>();
  final LongAdder tooLong = new LongAdder();
  final LongAdder unread = new LongAdder();
  final LongAdder unsent = new LongAdder();
  volatile IceState state = IceState.NEW;
  volatile Role role;

  private final AtomicReferenceArray<@Nullable FiveTuple> paths;
  private final int components;
  private final BitSet gathering = new BitSet();
  private List<Candidate> candidates = new ArrayList<>();

  Published(int streams, int components, Role role) {
    this.role = role;
    this.components = components;
    local = new AtomicReferenceArray<>(streams);
    remote = new AtomicReferenceArray<>(streams);
    paths = new AtomicReferenceArray<>(streams * components);
    gathering.set(0, streams);
  }

  /** The place of a component among all. */
  int index(int stream, int component) {
    checkStream(stream);
    if (component < 1 || component > components) {
      throw new IllegalArgumentException("component " + component + ": must be 1 to " + components);
    }
    return stream * components + component - 1;
  }

  void checkStream(int stream) {
    if (stream < 0 || stream >= local.length()) {
      throw new IllegalArgumentException(
          "stream " + stream + ": must be 0 to " + (local.length() - 1));
    }
  }

  @Nullable FiveTuple path(int stream, int component) {
    return paths.get(index(stream, component));
  }

  DroppedDatagrams dropped() {
    return new DroppedDatagrams(tooLong.sum(), unread.sum(), unsent.sum());
  }

  /** Notes what an event says; the application hears of the event after that, and of the futures after the event. */
  void note(IceEvent event) {
    if (event instanceof IceEvent.StateChanged changed) {
      state = changed.state();
    } else if (event instanceof IceEvent.PathChanged changed) {
      paths.set(index(changed.stream(), changed.component()), changed.path());
    } else if (event instanceof IceEvent.Restarted restarted) {
      local.set(restarted.stream(), restarted.local());
    } else if (event instanceof IceEvent.RoleSwitched switched) {
      role = switched.role();
    } else if (event instanceof IceEvent.CandidateGathered found && !gathered.isDone()) {
      candidates.add(found.candidate());
    }
  }

  /** Completes the futures that an event is about. */
  void complete(IceEvent event) {
    if (event instanceof IceEvent.GatheringComplete complete) {
      gathering.clear(complete.stream());
      if (gathering.isEmpty() && !gathered.isDone()) {
        gathered.complete(List.copyOf(candidates));
        candidates = List.of();
      }
    } else if (event instanceof IceEvent.StateChanged changed) {
      switch (changed.state()) {
        case CONNECTED -> connected.complete(null);
        case COMPLETED -> {
          connected.complete(null);
          completed.complete(null);
        }
        case FAILED -> fail("failed: " + changed.reason());
        default -> {}
      }
    }
  }

  private void fail(String reason) {
    connected.completeExceptionally(new IceException(reason));
    completed.completeExceptionally(new IceException(reason));
  }

  /** The session ended. */
  void end(String reason) {
    state = IceState.CLOSED;
    for (int i = 0; i < paths.length(); i++) {
      paths.set(i, null);
    }
    gathered.completeExceptionally(new IceException(reason));
    fail(reason);
  }
}
