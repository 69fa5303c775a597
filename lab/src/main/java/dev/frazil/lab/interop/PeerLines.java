package dev.frazil.lab.interop;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The lines that a peer written in Java prints: one JSON object each, with the milliseconds since {@link #begin()}. */
final class PeerLines {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final PrintStream out;
  private long epoch = System.nanoTime();
  private boolean dataSeen;

  /** Takes standard output for itself and sends what others print there to standard error. */
  PeerLines() {
    out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    System.setOut(System.err);
  }

  /** The object on a line; an empty one for anything else. */
  static JsonNode parse(String line) {
    try {
      JsonNode node = JSON.readTree(line);
      return node.isObject() ? node : JsonNodeFactory.instance.objectNode();
    } catch (JacksonException noJson) {
      return JsonNodeFactory.instance.objectNode();
    }
  }

  /** Starts the clock of {@code ms}. */
  synchronized void begin() {
    epoch = System.nanoTime();
  }

  synchronized double milliseconds() {
    return (System.nanoTime() - epoch) / 1e6;
  }

  synchronized void print(String type, Consumer<ObjectNode> members) {
    ObjectNode line = JsonNodeFactory.instance.objectNode().put("type", type);
    members.accept(line);
    out.println(line);
  }

  void printNow(String type, Consumer<ObjectNode> members) {
    print(type, members.andThen(line -> line.put("ms", milliseconds())));
  }

  void state(String state) {
    printNow("state", line -> line.put("state", state));
  }

  void error(String message) {
    print("error", line -> line.put("message", message));
  }

  /** Says once that a first payload has come. */
  void dataOnce(int bytes) {
    if (!dataSeen) {
      dataSeen = true;
      printNow("data", line -> line.put("bytes", bytes));
    }
  }
}
