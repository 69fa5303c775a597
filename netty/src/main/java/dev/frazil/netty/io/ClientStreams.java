package dev.frazil.netty.io;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import io.netty.util.concurrent.Future;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The streams of a server's clients. Until the server has something for a stream, which takes credentials, it is one of
 * a bounded number, in all and by source, and ends after a while. Used on its event loop only.
 */
public final class ClientStreams implements StreamPort.Owner {
  /** Whose clients these are. */
  public interface Owner {
    /** A message came in, in a turn that has begun already. */
    void handleMessage(FiveTuple path, ByteBuffer message);

    /** A stream is gone. */
    void handleClosed(FiveTuple path);

    /** Whether there is something that a stream is needed for. */
    boolean isInUse(FiveTuple path);

    /** Which others a message has to go to, and its stream with it; null for these. */
    @Nullable ClientStreams elsewhere(ByteBuffer message);
  }

  /**
   * What streams may cost.
   *
   * @param most streams at the same time
   * @param mostUnused of them without an allocation; a further one ends the oldest
   * @param mostUnusedPerSource of them from an IPv4 address or an IPv6 /64; a further one is refused
   * @param patience how long a stream may be without an allocation
   */
  public record Limits(int most, int mostUnused, int mostUnusedPerSource, Duration patience) {
    public static final Limits DEFAULT = new Limits(20_000, 4096, 256, Duration.ofSeconds(30));
  }

  private static final class Client extends DeadlineQueue.Entry {
    private final StreamPort stream;
    private boolean used;

    Client(StreamPort stream) {
      this.stream = stream;
    }
  }

  private final Driver driver;
  private final Limits limits;
  private final Owner owner;
  private final Map<FiveTuple, Client> clients = new HashMap<>();
  /** Those that nothing is there for, the oldest first. */
  private final Set<Client> unused = new LinkedHashSet<>();
  /** How many of them each source has. */
  private final Map<IpAddress, Integer> sources = new HashMap<>();
  /** When each stream is looked at next. */
  private final DeadlineQueue<Client> looks = new DeadlineQueue<>();

  private final long[] ended = new long[StreamPort.End.values().length];
  private @Nullable Future<?> wakeUp;
  private long dropped;

  public ClientStreams(Driver driver, Limits limits, Owner owner) {
    this.driver = driver;
    this.limits = limits;
    this.owner = owner;
  }

  /** How many there are. */
  public int size() {
    return clients.size();
  }

  /** How many ended, or were refused, for a reason. */
  public long ended(StreamPort.End reason) {
    return ended[reason.ordinal()];
  }

  /** Counts one that was refused before it was here. */
  public void countRefused(StreamPort.End reason) {
    ended[reason.ordinal()]++;
  }

  /** Messages that were to be sent to a client that reads too slowly. */
  public long dropped() {
    return dropped;
  }

  /** Takes a stream that somebody opened, or refuses it. */
  public void add(StreamPort stream) {
    StreamPort.End obstacle = obstacle(stream);
    if (obstacle == null) {
      take(stream);
      stream.open(this);
    } else {
      ended[obstacle.ordinal()]++;
      stream.refuse();
    }
  }

  /** Takes a stream that others had. */
  private void adopt(StreamPort stream) {
    StreamPort.End obstacle = obstacle(stream);
    if (obstacle == null) {
      take(stream);
    } else {
      ended[obstacle.ordinal()]++;
      stream.close();
    }
  }

  private void take(StreamPort stream) {
    Client client = new Client(stream);
    clients.put(stream.path(), client);
    setUnused(client);
  }

  /** Why there is no room; null when there is. */
  private StreamPort.@Nullable End obstacle(StreamPort stream) {
    if (clients.containsKey(stream.path())) { // what that one has is not for another
      return StreamPort.End.SAME_ADDRESS;
    } else if (sources.getOrDefault(source(stream), 0) >= limits.mostUnusedPerSource()) {
      return StreamPort.End.TOO_MANY_OF_SOURCE;
    } else if (unused.size() < limits.mostUnused() && clients.size() < limits.most()) {
      return null;
    } else if (unused.isEmpty()) {
      return StreamPort.End.TOO_MANY;
    }
    // who is honest is no longer among the oldest
    end(unused.iterator().next(), StreamPort.End.TOO_MANY);
    return null;
  }

  private static IpAddress source(StreamPort stream) {
    IpAddress ip = stream.path().remote().ip();
    return ip.isIpv4() ? ip : IpAddress.ofIpv6(ip.high(), 0);
  }

  private void setUnused(Client client) {
    client.used = false;
    unused.add(client);
    sources.merge(source(client.stream), 1, Integer::sum);
    lookLater(client);
  }

  private void setUsed(Client client) {
    client.used = true;
    forget(client);
    lookLater(client);
  }

  private void forget(Client client) {
    if (unused.remove(client)) {
      sources.computeIfPresent(
          source(client.stream), (source, count) -> count == 1 ? null : count - 1);
    }
  }

  private void lookLater(Client client) {
    looks.schedule(client, driver.now() + limits.patience().toNanos());
    wakeUp();
  }

  private void wakeUp() {
    if (wakeUp == null && looks.nextDeadline() != ProtocolMachine.NEVER) {
      wakeUp = driver
          .eventLoop()
          .schedule(
              this::look, Math.max(0, looks.nextDeadline() - driver.now()), TimeUnit.NANOSECONDS);
    }
  }

  private void look() {
    wakeUp = null;
    long now = driver.now();
    Client due;
    while ((due = looks.poll(now)) != null) {
      boolean inUse = owner.isInUse(due.stream.path());
      if (!inUse && !due.used) {
        end(due, StreamPort.End.UNUSED);
      } else if (inUse) {
        setUsed(due);
      } else {
        setUnused(due);
      }
    }
    wakeUp();
  }

  private void end(Client client, StreamPort.End reason) {
    client.stream.close();
    handleClosed(client.stream, reason);
  }

  /** Sends a message to a client; one that is relayed is dropped when the client reads too slowly. */
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    Client client = clients.get(path);
    if (client == null || !client.stream.transmit(header, payload)) {
      dropped++;
    }
  }

  /** The stream of a path; null when there is none. */
  public @Nullable StreamPort stream(FiveTuple path) {
    Client client = clients.get(path);
    return client == null ? null : client.stream;
  }

  /** Closes a stream; does nothing when there is none. */
  public void close(FiveTuple path) {
    StreamPort stream = release(path);
    if (stream != null) {
      stream.close();
    }
  }

  private @Nullable StreamPort release(FiveTuple path) {
    Client client = clients.remove(path);
    if (client == null) {
      return null;
    }
    forget(client);
    looks.cancel(client);
    return client.stream;
  }

  /** Closes all. */
  public void close() {
    List.copyOf(clients.keySet()).forEach(this::close);
  }

  @Override
  public void handleMessage(StreamPort stream, ByteBuffer message) {
    Client client = clients.get(stream.path());
    boolean mayMove = client != null && !client.used && !stream.hasMoved();
    ClientStreams others = mayMove ? owner.elsewhere(message) : null;
    if (others != null) {
      release(stream.path());
      stream.move(others.driver, others, message, () -> others.adopt(stream));
      return;
    }
    owner.handleMessage(stream.path(), message);
    client = clients.get(stream.path());
    if (client != null && !client.used && owner.isInUse(stream.path())) {
      setUsed(client);
    }
  }

  @Override
  public void handleClosed(StreamPort stream, StreamPort.End reason) {
    ended[reason.ordinal()]++;
    // one that ended on its way here is not there, but another may have its addresses
    if (stream(stream.path()) == stream) {
      close(stream.path());
      owner.handleClosed(stream.path());
    }
  }
}
