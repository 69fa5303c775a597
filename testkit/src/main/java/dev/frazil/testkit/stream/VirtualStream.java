package dev.frazil.testkit.stream;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.DatagramHandler;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.VirtualInternet;
import dev.frazil.testkit.VirtualSocket;
import dev.frazil.testkit.VirtualTimer;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One end of a byte stream between two hosts: a small TCP (RFC 9293), whose segments go through NATs and firewalls like
 * other packets. What a link loses is sent again, so that loss shows as delay. There is no flow or congestion control.
 */
public final class VirtualStream {
  /** Hears of a stream. It is called while the stream's host takes a packet, or by a timer. */
  public interface Handler {
    /** The stream stands: {@link VirtualStream#send} can be used. */
    void opened(VirtualStream stream);

    /**
     * Bytes came in, in order and without a gap.
     *
     * @param bytes read-only, borrowed for the call
     */
    void received(VirtualStream stream, ByteBuffer bytes);

    /** The stream could not be opened, broke, or was closed by the other side; not told after {@link VirtualStream#close}. */
    void closed(VirtualStream stream, String reason);
  }

  private enum State {
    OPENING,
    OPEN,
    CLOSING,
    CLOSED
  }

  private static final int MOST_DATA = 1200;
  private static final int MOST_SEGMENTS_IN_FLIGHT = 1024;
  private static final int DUPLICATES_THAT_MEAN_LOSS = 3;
  private static final Duration FIRST_TIMEOUT = Duration.ofSeconds(1); // RFC 6298 2
  private static final Duration SHORTEST_TIMEOUT = Duration.ofMillis(200);
  private static final Duration LONGEST_TIMEOUT = Duration.ofSeconds(5);
  private static final long GIVES_UP_AFTER = Duration.ofSeconds(20).toNanos();

  private final VirtualInternet net;
  private final VirtualSocket socket;
  private final FiveTuple path;
  private final Handler handler;
  private final Runnable released;
  private final ArrayDeque<Segment> unacknowledged = new ArrayDeque<>();
  /** What came before its turn, by its first number. */
  private final Map<Integer, Segment> early = new HashMap<>();

  private State state = State.OPENING;
  private @Nullable VirtualTimer retransmission;
  private Duration base = FIRST_TIMEOUT;
  private Duration timeout = FIRST_TIMEOUT;
  private long progressAt;
  private boolean hasHeard;
  /** What is waited for was sent more than once: its time says nothing (RFC 6298 3). */
  private boolean resent;

  /** What was sent up to here may have been lost. */
  private int recovery;

  private int sendNext;
  private int receiveNext;
  private int duplicates;

  private VirtualStream(
      VirtualSocket socket, TransportAddress remote, Handler handler, Runnable released) {
    this.net = socket.host().internet();
    this.socket = socket;
    this.path = new FiveTuple(socket.local(), remote);
    this.handler = handler;
    this.released = released;
    progressAt = net.now();
  }

  /**
   * Opens a stream.
   *
   * @param local an address of the host; the port is a free one
   * @throws IllegalStateException when nothing can be bound there
   */
  public static VirtualStream connect(
      Host host, IpAddress local, TransportAddress remote, Handler handler) {
    Ear ear = new Ear();
    VirtualSocket socket = host.bind(new TransportAddress(local, 0, Transport.TCP), ear);
    VirtualStream stream = new VirtualStream(socket, remote, handler, socket::close);
    ear.stream = stream;
    stream.post(Segment.SYN, Segment.NOTHING);
    return stream;
  }

  /** The other end of a stream, where its SYN came in at a listening socket. */
  static VirtualStream accept(
      VirtualSocket socket,
      TransportAddress remote,
      Segment syn,
      Handler handler,
      Runnable released) {
    VirtualStream stream = new VirtualStream(socket, remote, handler, released);
    stream.hasHeard = true;
    stream.receiveNext = syn.end();
    stream.post(Segment.SYN, Segment.NOTHING);
    return stream;
  }

  /** Both ends' addresses, of TCP. */
  public FiveTuple path() {
    return path;
  }

  /** Whether bytes can be sent. */
  public boolean isOpen() {
    return state == State.OPEN;
  }

  /** Sends bytes; false, and nothing is sent, when the stream is not open or too much is on its way. */
  public boolean send(ByteBuffer first, ByteBuffer second) {
    if (state != State.OPEN || unacknowledged.size() >= MOST_SEGMENTS_IN_FLIGHT) {
      return false;
    }
    ByteBuffer whole = ByteBuffer.allocate(first.remaining() + second.remaining());
    whole.put(first.duplicate()).put(second.duplicate()).flip();
    while (whole.hasRemaining()) {
      int length = Math.min(MOST_DATA, whole.remaining());
      post(0, whole.slice(whole.position(), length).asReadOnlyBuffer());
      whole.position(whole.position() + length);
    }
    return true;
  }

  /** Closes the stream when what was sent has arrived. Closing twice does nothing. */
  public void close() {
    if (state == State.OPEN) {
      state = State.CLOSING;
      post(Segment.FIN, Segment.NOTHING);
    } else if (state == State.OPENING) {
      release();
    }
  }

  /** Ends the stream at once, as a crash does: the other end learns of it when it sends. */
  public void abort() {
    release();
  }

  // out

  private void post(int flags, ByteBuffer data) {
    Segment segment = new Segment(sendNext, 0, flags, data);
    sendNext = segment.end();
    unacknowledged.add(segment);
    transmit(segment);
    if (unacknowledged.size() == 1) {
      progressAt = net.now();
      arm();
    }
  }

  private void transmit(Segment segment) {
    int flags = segment.flags() | (hasHeard ? Segment.ACK : 0);
    Segment current = new Segment(segment.sequence(), receiveNext, flags, segment.data());
    socket.send(path.remote(), current.header(), segment.data());
  }

  private void arm() {
    if (retransmission != null) {
      retransmission.cancel();
    }
    retransmission = unacknowledged.isEmpty() ? null : net.schedule(timeout, this::sendAgain);
  }

  private void sendAgain() {
    if (net.now() - progressAt >= GIVES_UP_AFTER) {
      end("timed out");
      return;
    }
    Duration doubled = timeout.multipliedBy(2);
    timeout = doubled.compareTo(LONGEST_TIMEOUT) > 0 ? LONGEST_TIMEOUT : doubled;
    recovery = sendNext;
    resent = true;
    transmit(unacknowledged.element());
    arm();
  }

  // in

  void receive(Segment segment) {
    if (state == State.CLOSED) {
      return;
    }
    if (segment.has(Segment.RST)) {
      end("reset");
      return;
    }
    if (!hasHeard) {
      if (!segment.has(Segment.SYN)) {
        return;
      }
      hasHeard = true;
      receiveNext = segment.end();
    }
    if (segment.has(Segment.ACK)) {
      acknowledged(segment);
    }
    if (segment.length() > 0 && (state == State.OPEN || state == State.CLOSING)) {
      take(segment);
    }
  }

  private void acknowledged(Segment segment) {
    boolean progress = false;
    while (!unacknowledged.isEmpty()
        && segment.acknowledged() - unacknowledged.element().end() >= 0) {
      unacknowledged.remove();
      progress = true;
    }
    if (progress) {
      if (!resent) {
        measured(Duration.ofNanos(net.now() - progressAt));
      }
      timeout = base;
      progressAt = net.now();
      duplicates = 0;
      arm();
      advance();
      recover();
    } else if (segment.length() == 0
        && !unacknowledged.isEmpty()
        && ++duplicates == DUPLICATES_THAT_MEAN_LOSS) {
      recovery = sendNext;
      transmit(unacknowledged.element()); // RFC 5681 3.2
      resent = true;
    }
  }

  private void measured(Duration roundTrip) {
    Duration twice = roundTrip.multipliedBy(2);
    Duration decayed = base.multipliedBy(3).dividedBy(4);
    base = Collections.max(List.of(twice, decayed, SHORTEST_TIMEOUT));
  }

  /** RFC 6582: where one segment was lost, the next one that is missing is sent at once. */
  private void recover() {
    boolean recovering = !unacknowledged.isEmpty()
        && state != State.CLOSED
        && unacknowledged.element().sequence() - recovery < 0;
    if (recovering) {
      transmit(unacknowledged.element());
    }
    resent = recovering;
  }

  private void advance() {
    if (state == State.OPENING) {
      state = State.OPEN;
      handler.opened(this);
    } else if (state == State.CLOSING && unacknowledged.isEmpty()) {
      release();
    }
  }

  private void take(Segment segment) {
    if (segment.sequence() - receiveNext > 0) {
      if (early.size() < MOST_SEGMENTS_IN_FLIGHT) {
        early.put(segment.sequence(), segment);
      }
    } else {
      Segment next = segment.sequence() == receiveNext ? segment : null;
      while (next != null && state != State.CLOSED) {
        receiveNext = next.end();
        deliver(next);
        next = early.remove(receiveNext);
      }
    }
    if (state != State.CLOSED) {
      transmit(new Segment(sendNext, 0, 0));
    }
  }

  private void deliver(Segment segment) {
    if (segment.data().hasRemaining() && state == State.OPEN) {
      handler.received(this, segment.data().duplicate());
    }
    if (segment.has(Segment.FIN)) {
      transmit(new Segment(sendNext, 0, 0));
      end("closed by the other side");
    }
  }

  // the end

  void end(String reason) {
    boolean told = state == State.CLOSING || state == State.CLOSED;
    release();
    if (!told) {
      handler.closed(this, reason);
    }
  }

  private void release() {
    if (state != State.CLOSED) {
      state = State.CLOSED;
      unacknowledged.clear();
      early.clear();
      arm();
      released.run();
    }
  }

  @Override
  public String toString() {
    return path + " " + state;
  }

  /** The socket of a stream that this side opened. */
  private static final class Ear implements DatagramHandler {
    private @Nullable VirtualStream stream;

    @Override
    public void handle(FiveTuple from, ByteBuffer payload, long now) {
      Segment segment = Segment.parse(payload);
      VirtualStream of = Objects.requireNonNull(stream);
      if (segment != null && from.equals(of.path)) {
        of.receive(segment);
      }
    }

    @Override
    public void unreachable(FiveTuple from, long now) {
      VirtualStream of = Objects.requireNonNull(stream);
      if (from.equals(of.path)) {
        of.end("refused");
      }
    }
  }
}
