package dev.frazil.cli;

import dev.frazil.ice.IceEvent;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/** Where a peer's event log goes: what was decided and why, one JSON object for each event. */
final class EventLog implements AutoCloseable {
  private final boolean open;
  private final Consumer<ObjectNode> sink;
  private final Runnable close;

  private EventLog(boolean open, Consumer<ObjectNode> sink, Runnable close) {
    this.open = open;
    this.sink = sink;
    this.close = close;
  }

  /** A log nobody reads. */
  static EventLog none() {
    return new EventLog(false, event -> {}, () -> {});
  }

  /** Among a peer's own lines, as lines of the type {@code info}. */
  static EventLog among(PeerLines lines) {
    return new EventLog(true, lines::info, () -> {});
  }

  /** To a file, which is made or emptied, or to {@code stderr}. */
  static EventLog to(String target, PeerLines clock) throws IOException {
    boolean standardError = target.equals("stderr");
    FileOutputStream file =
        standardError ? new FileOutputStream(FileDescriptor.err) : new FileOutputStream(target);
    PrintStream out = new PrintStream(file, true, StandardCharsets.UTF_8);
    return new EventLog(
        true,
        event -> out.println(Json.line(event.put("ms", clock.millis()))),
        standardError ? out::flush : out::close);
  }

  /** Whether somebody reads it. */
  boolean isOpen() {
    return open;
  }

  void write(IceEvent event) {
    if (!open) {
      return;
    }
    sink.accept(Json.members((Record) event, Json.object().put("event", name(event))));
  }

  @Override
  public void close() {
    close.run();
  }

  /** {@code PairChanged} is {@code pair-changed}. */
  private static String name(IceEvent event) {
    return event
        .getClass()
        .getSimpleName()
        .replaceAll("(?<=.)(?=[A-Z])", "-")
        .toLowerCase(Locale.ROOT);
  }
}
