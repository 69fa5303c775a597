package dev.frazil.testkit;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Outbox;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Runs a protocol machine on a host: hands it what arrives at its sockets, wakes it when it wants to be woken, and is
 * the outbox that sends what it transmits.
 *
 * <p>An outbox with further methods implements {@code transmit} by calling this one's. Commands go through {@link
 * #call} or {@link #ask}, so that the machine's timer is set anew afterwards.
 */
public final class MachineDriver implements Outbox {
  private static final int MOST_WAKES_AT_ONE_TIME = 10_000;

  private final class Wake extends Event {
    @Override
    void fire(long now) {
      wake(now);
    }
  }

  private final class Ear implements DatagramHandler {
    @Override
    public void handle(FiveTuple path, ByteBuffer payload, long now) {
      ProtocolMachine driven = machine;
      if (driven != null) {
        call(time -> driven.handleDatagram(path, payload, time));
      }
    }

    @Override
    public void unreachable(FiveTuple path, long now) {
      unreachable.accept(path);
    }
  }

  private final Host host;
  private final VirtualInternet net;
  private final Map<TransportAddress, VirtualSocket> sockets = new LinkedHashMap<>();
  private final Wake wake = new Wake();
  private Consumer<FiveTuple> unreachable = path -> {};
  private @Nullable ProtocolMachine machine;
  private int depth;
  private long lastWake = -1;
  private int wakesAtThisTime;

  /** A driver for a machine on this host. */
  public MachineDriver(Host host) {
    this.host = host;
    this.net = host.internet();
  }

  /** The host it drives on. */
  public Host host() {
    return host;
  }

  /** Takes the machine to drive; it comes after the driver, because it needs the driver as its outbox. */
  public void run(ProtocolMachine driven) {
    if (machine != null) {
      throw new IllegalStateException("this driver has a machine already");
    }
    machine = driven;
    arm();
  }

  /**
   * Sets who hears that the other end of a path has no socket, for machines that want to know. It may give the
   * machine a command.
   */
  public void onUnreachable(Consumer<FiveTuple> listener) {
    unreachable = listener;
  }

  /**
   * Opens a socket for the machine; see {@link Host#bind(TransportAddress, DatagramHandler)}.
   *
   * @return the socket; closing it takes it from the machine
   */
  public VirtualSocket bind(TransportAddress local) {
    VirtualSocket socket = host.bind(local, new Ear());
    sockets.put(socket.local(), socket);
    return socket;
  }

  /** Closes the socket that is bound to this address; does nothing when there is none. */
  public void unbind(TransportAddress local) {
    VirtualSocket socket = sockets.remove(local);
    if (socket != null) {
      socket.close();
    }
  }

  /** Gives the machine a command, with the time it needs. */
  public void call(LongConsumer command) {
    depth++;
    try {
      command.accept(net.now());
    } finally {
      depth--;
      arm();
    }
  }

  /** Gives the machine a command that has an answer. */
  public <T extends @Nullable Object> T ask(LongFunction<T> command) {
    depth++;
    try {
      return command.apply(net.now());
    } finally {
      depth--;
      arm();
    }
  }

  /**
   * Gives the machine a command at this time, but after whatever it is doing now. An outbox, which must not call back
   * into its machine, answers requests so.
   */
  public void later(LongConsumer command) {
    net.schedule(0, () -> {
      if (machine != null) {
        call(command);
      }
    });
  }

  /**
   * Sends what the machine transmits.
   *
   * @throws IllegalStateException when no socket is bound to the path's local address
   */
  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    VirtualSocket socket = socket(path.local());
    if (socket == null) {
      throw new IllegalStateException("no socket at " + path.local() + " on " + host.name());
    }
    socket.send(path.remote(), header, payload);
  }

  /** Stops driving: closes the sockets and forgets the machine. */
  public void close() {
    sockets.values().forEach(VirtualSocket::close);
    sockets.clear();
    net.events().cancel(wake);
    machine = null;
  }

  private @Nullable VirtualSocket socket(TransportAddress local) {
    VirtualSocket socket = sockets.get(local);
    if (socket == null) {
      for (VirtualSocket each : sockets.values()) {
        TransportAddress bound = each.local();
        if (bound.ip().isUnspecified()
            && bound.port() == local.port()
            && bound.ip().family() == local.ip().family()) {
          socket = each;
        }
      }
    }
    return socket == null || socket.isClosed() ? null : socket;
  }

  private void wake(long now) {
    ProtocolMachine driven = machine;
    if (driven == null) {
      return;
    }
    wakesAtThisTime = now == lastWake ? wakesAtThisTime + 1 : 1;
    lastWake = now;
    if (wakesAtThisTime > MOST_WAKES_AT_ONE_TIME) {
      throw new IllegalStateException("the machine on " + host.name()
          + " never stops asking for a timeout at " + VirtualInternet.seconds(now) + ": " + driven);
    }
    call(driven::handleTimeout);
  }

  private void arm() {
    if (depth > 0 || machine == null) {
      return;
    }
    long next = machine.nextTimeout();
    long due = next == ProtocolMachine.NEVER ? next : Math.max(next, net.now());
    if (due != wake.deadline() || due == net.now()) {
      net.events().schedule(wake, due);
    }
  }
}
