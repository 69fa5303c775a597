package dev.frazil.lab.interop;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Numbered payloads sent at an even pace, and the count of those that came back. All on the owner's one thread. */
final class Payloads {
  private static final byte[] PING = "ping".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] PONG = "pong".getBytes(StandardCharsets.US_ASCII);
  private static final int NUMBER_END = PING.length + 8;
  private static final long LAST_CHANCE_MS = 2000;

  private final ScheduledExecutorService owner;
  private final PeerLines lines;
  private final int size;
  private final int interval;
  private final Consumer<byte[]> sender;
  private final BitSet back = new BitSet();
  private @Nullable ScheduledFuture<?> timer;
  private int first;
  private int count;
  private int sent;
  private double firstBack;

  Payloads(
      ScheduledExecutorService owner,
      PeerLines lines,
      int size,
      int interval,
      Consumer<byte[]> sender) {
    this.owner = owner;
    this.lines = lines;
    this.size = size;
    this.interval = interval;
    this.sender = sender;
  }

  static boolean isPing(byte[] payload) {
    return startsWith(payload, PING);
  }

  /** The answer to a ping: the same bytes, but for the first four. */
  static byte[] pong(byte[] ping) {
    byte[] pong = ping.clone();
    System.arraycopy(PONG, 0, pong, 0, PONG.length);
    return pong;
  }

  /** Sends that many, numbered on, and prints {@code echo} when all are back or no longer waited for. */
  void send(int number) {
    first += count;
    count = number;
    sent = 0;
    back.clear();
    timer =
        owner.scheduleAtFixedRate(this::sendNext, 0, Math.max(1, interval), TimeUnit.MILLISECONDS);
  }

  private void sendNext() {
    byte[] payload = new byte[size];
    Arrays.fill(payload, (byte) '.');
    byte[] head = String.format("ping%08d", first + sent).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(head, 0, payload, 0, head.length);
    sender.accept(payload);
    if (++sent == count) {
      cancelTimer();
      timer = owner.schedule(this::printEcho, LAST_CHANCE_MS, TimeUnit.MILLISECONDS);
    }
  }

  void handlePong(byte[] payload) {
    if (!startsWith(payload, PONG) || payload.length < NUMBER_END) {
      return;
    }
    String digits = new String(payload, PONG.length, 8, StandardCharsets.US_ASCII);
    int number = digits.matches("\\d{8}") ? Integer.parseInt(digits) - first : -1;
    if (number < 0 || number >= count || back.get(number)) {
      return;
    }
    if (back.isEmpty()) {
      firstBack = lines.milliseconds();
    }
    back.set(number);
    if (sent == count && back.cardinality() == count) {
      cancelTimer();
      printEcho();
    }
  }

  private void printEcho() {
    int received = back.cardinality();
    lines.printNow("echo", line -> {
      line.put("sent", sent).put("received", received);
      if (received > 0) {
        line.put("first_ms", firstBack);
      }
    });
  }

  private void cancelTimer() {
    ScheduledFuture<?> running = timer;
    if (running != null) {
      running.cancel(false);
    }
  }

  private static boolean startsWith(byte[] payload, byte[] head) {
    return payload.length >= head.length
        && Arrays.equals(payload, 0, head.length, head, 0, head.length);
  }
}
