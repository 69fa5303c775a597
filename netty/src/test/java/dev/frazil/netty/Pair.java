package dev.frazil.netty;

import dev.frazil.ice.IceEvent;
import dev.frazil.ice.Role;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;

/** Two sessions of one process that signal to each other, as two applications would. */
final class Pair implements AutoCloseable {
  final IceSession left;
  final IceSession right;
  final List<IceEvent> leftEvents = new CopyOnWriteArrayList<>();
  final List<IceEvent> rightEvents = new CopyOnWriteArrayList<>();

  Pair(
      IceRuntime runtime,
      UnaryOperator<IceSessionBuilder> leftSettings,
      UnaryOperator<IceSessionBuilder> rightSettings) {
    Loopback.Lazy<IceSession> first = new Loopback.Lazy<>();
    Loopback.Lazy<IceSession> second = new Loopback.Lazy<>();
    left = leftSettings
        .apply(Loopback.session(runtime, Role.CONTROLLING)
            .onEvent(Loopback.signalling(second, leftEvents::add)))
        .build();
    right = rightSettings
        .apply(Loopback.session(runtime, Role.CONTROLLED)
            .onEvent(Loopback.signalling(first, rightEvents::add)))
        .build();
    first.set(left);
    second.set(right);
  }

  Pair(IceRuntime runtime, UnaryOperator<IceSessionBuilder> settings) {
    this(runtime, settings, settings);
  }

  Pair start() {
    return start(1);
  }

  Pair start(int streams) {
    for (int stream = 0; stream < streams; stream++) {
      left.setRemote(stream, right.localParameters(stream));
      right.setRemote(stream, left.localParameters(stream));
    }
    left.start();
    right.start();
    return this;
  }

  Pair connect() throws Exception {
    return connect(1);
  }

  Pair connect(int streams) throws Exception {
    start(streams);
    Loopback.await(CompletableFuture.allOf(left.completed(), right.completed()));
    return this;
  }

  /** Whether an event of a kind came whose text contains something. */
  static boolean told(List<IceEvent> events, Class<? extends IceEvent> kind, String text) {
    return events.stream()
        .anyMatch(event -> kind.isInstance(event) && event.toString().contains(text));
  }

  @Override
  public void close() throws Exception {
    left.close();
    right.close();
    Loopback.await(CompletableFuture.allOf(left.closed(), right.closed()));
  }
}
