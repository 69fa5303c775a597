package dev.frazil.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One allocation in virtual time: keeps what it says, plays its runtime, and carries messages to scripted servers and
 * back, 10 ms each way, losing some.
 */
final class TurnHarness implements TurnAllocation.Outbox {
  /** A message that the allocation sent; the header is what came in the first part. */
  record Sent(long time, FiveTuple path, int header, ByteBuffer bytes) {
    @Nullable StunMessage message() {
      return StunMessage.tryParse(bytes);
    }
  }

  record Delivered(TransportAddress peer, String payload) {}

  private record Task(long time, long sequence, Runnable action) {}

  static final long MS = 1_000_000;
  static final long SECOND = 1000 * MS;
  static final TransportAddress LOCAL = TransportAddress.udp("192.0.2.1", 5000);
  static final TransportAddress SERVER = TransportAddress.udp("198.51.100.1", 3478);
  static final FiveTuple PATH = new FiveTuple(LOCAL, SERVER);
  static final FiveTuple STREAM = new FiveTuple(
      new TransportAddress(LOCAL.ip(), 5000, Transport.TCP),
      new TransportAddress(SERVER.ip(), 3478, Transport.TCP));
  static final TransportAddress PEER = TransportAddress.udp("203.0.113.7", 7000);
  static final TransportAddress PEER2 = TransportAddress.udp("203.0.113.8", 7000);
  static final TransportAddress PEER6 = TransportAddress.udp("2001:db8::7", 7000);

  private static final long DELAY = 10 * MS;
  private static final int MOST_STEPS_AT_ONCE = 10_000;

  final TurnAllocation allocation;
  final Map<TransportAddress, ScriptedTurnServer> servers = new HashMap<>();
  final ScriptedTurnServer server;
  /** What is at every other address. */
  @Nullable ScriptedTurnServer elsewhere;

  final List<Sent> sent = new ArrayList<>();
  final List<TurnEvent> events = new ArrayList<>();
  final List<TurnRequest> requests = new ArrayList<>();
  final List<Delivered> delivered = new ArrayList<>();
  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparingLong(Task::time).thenComparingLong(Task::sequence));
  private final Random chance = new Random(7);
  private long now = SECOND;
  private long sequence;
  private int port = 6000;
  double loss;
  boolean opens = true;
  boolean recording = true;
  boolean answersOpens = true;

  TurnHarness(TurnConfiguration configuration) {
    allocation = new TurnAllocation(configuration, this);
    server = server(SERVER);
    servers.put(STREAM.remote(), server);
  }

  static TurnConfiguration.Builder settings() {
    return TurnConfiguration.builder(new Random(1)).credential(ScriptedTurnServer.USER);
  }

  /** An allocation that the server has granted. */
  static TurnHarness allocated(TurnConfiguration.Builder configuration) {
    TurnHarness harness = new TurnHarness(configuration.build());
    harness.start();
    harness.run(SECOND);
    if (harness.allocation.relayed().isEmpty()) {
      throw new AssertionError("no allocation: " + harness.events);
    }
    return harness;
  }

  ScriptedTurnServer server(TransportAddress address) {
    ScriptedTurnServer added = new ScriptedTurnServer(this, address);
    servers.put(address, added);
    return added;
  }

  void start() {
    call(time -> allocation.start(PATH, time));
  }

  long now() {
    return now;
  }

  void after(long delay, Runnable action) {
    tasks.add(new Task(now + delay, sequence++, action));
  }

  void call(LongConsumer command) {
    command.accept(now);
  }

  void run(Duration duration) {
    run(duration.toNanos());
  }

  /** Lets so much time pass. */
  void run(long nanos) {
    long end = now + nanos;
    int stepsAtOnce = 0;
    while (true) {
      long task = tasks.isEmpty() ? ProtocolMachine.NEVER : tasks.peek().time();
      long next = Math.min(task, allocation.nextTimeout());
      if (next > end) {
        now = end;
        return;
      }
      stepsAtOnce = next > now ? 0 : stepsAtOnce + 1;
      if (stepsAtOnce > MOST_STEPS_AT_ONCE) {
        throw new AssertionError("something is due again and again at " + now);
      }
      now = Math.max(now, next);
      if (task <= now) {
        tasks.remove().action().run();
      } else {
        call(allocation::handleTimeout);
      }
    }
  }

  /** Runs until the allocation says such a thing, at most ten minutes. */
  <T extends TurnEvent> T await(Class<T> event) {
    long end = now + 600 * SECOND;
    int known = events.size();
    while (now < end) {
      for (TurnEvent each : events.subList(known, events.size())) {
        if (event.isInstance(each)) {
          return event.cast(each);
        }
      }
      run(10 * MS);
    }
    throw new AssertionError("no " + event.getSimpleName() + " in " + events);
  }

  <T extends TurnEvent> List<T> events(Class<T> event) {
    return events.stream().filter(event::isInstance).map(event::cast).toList();
  }

  <T extends TurnRequest> List<T> requests(Class<T> request) {
    return requests.stream().filter(request::isInstance).map(request::cast).toList();
  }

  /** The first sends of the requests of a method. */
  List<StunMessage> asked(int method) {
    Map<Object, StunMessage> first = new LinkedHashMap<>();
    messages()
        .filter(message -> message.is(MessageClass.REQUEST, method))
        .forEach(message -> first.putIfAbsent(message.transactionId(), message));
    return List.copyOf(first.values());
  }

  Stream<StunMessage> messages() {
    return sent.stream().map(Sent::message).filter(message -> message != null);
  }

  StunMessage last(int method) {
    List<StunMessage> asked = asked(method);
    return asked.get(asked.size() - 1);
  }

  void receive(FiveTuple path, ByteBuffer message) {
    ByteBuffer copy =
        ByteBuffer.allocate(message.remaining()).put(message.duplicate()).flip();
    call(time -> allocation.handleDatagram(path, copy, time));
  }

  /** Carries a message from a server. */
  void carry(FiveTuple path, ByteBuffer message) {
    if (!isLost(path)) {
      after(DELAY, () -> receive(path, message));
    }
  }

  private boolean isLost(FiveTuple path) {
    return path.local().transport() == Transport.UDP && chance.nextDouble() < loss;
  }

  static String text(ByteBuffer bytes) {
    byte[] copy = new byte[bytes.remaining()];
    bytes.get(bytes.position(), copy);
    return new String(copy, UTF_8);
  }

  static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(UTF_8));
  }

  TurnAllocation.SendResult send(TransportAddress peer, String payload) {
    return allocation.send(peer, bytes(payload), now);
  }

  void permit(TransportAddress... peers) {
    call(time -> allocation.permit(List.of(peers), time));
  }

  // the outbox

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    if (!recording) {
      return;
    }
    int first = header.remaining();
    ByteBuffer copy = ByteBuffer.allocate(first + payload.remaining());
    copy.put(header.duplicate()).put(payload.duplicate()).flip();
    sent.add(new Sent(now, path, first, copy));
    ScriptedTurnServer to = servers.getOrDefault(path.remote(), elsewhere);
    if (to != null && !isLost(path)) {
      after(DELAY, () -> to.handle(path, copy.duplicate()));
    }
  }

  @Override
  public void deliver(TransportAddress peer, ByteBuffer payload) {
    if (recording) {
      delivered.add(new Delivered(peer, text(payload)));
    }
  }

  @Override
  public void request(TurnRequest request) {
    requests.add(request);
    if (!answersOpens) {
      return;
    }
    if (request instanceof TurnRequest.Open open) {
      after(0, () -> opened(open));
    } else if (request instanceof TurnRequest.OpenConnection open) {
      FiveTuple path = newPath(open.local(), open.server());
      after(
          0,
          () -> call(
              opens
                  ? time -> allocation.handleConnectionOpened(open.connectionId(), path, time)
                  : time -> allocation.handleConnectionFailed(open.connectionId())));
    }
  }

  private void opened(TurnRequest.Open open) {
    FiveTuple path = newPath(open.local(), open.server());
    call(
        opens
            ? time -> allocation.handleOpened(path, time)
            : time -> allocation.handleOpenFailed("no socket", time));
  }

  private FiveTuple newPath(IpAddress local, TransportAddress to) {
    return new FiveTuple(new TransportAddress(local, port++, to.transport()), to);
  }

  @Override
  public void event(TurnEvent event) {
    events.add(event);
  }
}
