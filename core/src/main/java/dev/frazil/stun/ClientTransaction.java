package dev.frazil.stun;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.Outbox;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One request and its retransmissions, all of them the same bytes (RFC 8489 6.2). Over a stream it is sent once.
 *
 * <p>Its owner matches responses by {@link #id}, sends by {@link #start} and {@link #handleTimeout}, and keeps it in a
 * {@link DeadlineQueue} by {@link #nextTimeout}.
 */
public final class ClientTransaction extends DeadlineQueue.Entry {
  private static final ByteBuffer NO_PAYLOAD = ByteBuffer.allocate(0);

  private final FiveTuple path;
  private final TransactionId id;
  private final ByteBuffer request;
  private final Retransmission retransmission;
  private final long rto;
  private int sends;
  private long firstSent;
  private long lastSent;
  private long nextTimeout = ProtocolMachine.NEVER;
  private boolean cancelled;
  private long @Nullable [] counted; // when each transmission went out, where they are counted
  private @Nullable IntegrityKey key;

  /**
   * A transaction that has not started.
   *
   * @param path where the request goes
   * @param request the finished request, from position to limit; it is copied
   * @param rtoNanos the initial retransmission timeout; of no use over a stream
   */
  public ClientTransaction(
      FiveTuple path, ByteBuffer request, Retransmission retransmission, long rtoNanos) {
    if (rtoNanos <= 0 || rtoNanos > 60_000_000_000L) {
      throw new IllegalArgumentException(
          "the RTO is over 0 and at most a minute, not " + rtoNanos + " ns");
    }
    this.path = path;
    this.request = ByteBuffer.allocate(request.remaining());
    this.request.put(0, request, request.position(), request.remaining());
    this.id = new TransactionId(this.request.getInt(8), this.request.getLong(12));
    this.retransmission = retransmission;
    this.rto = rtoNanos;
  }

  /**
   * A transaction whose request holds TRANSACTION-TRANSMIT-COUNTER (RFC 7982): it says in each transmission which one it
   * is, so that the transmissions differ.
   *
   * @param key what the request was signed with, if it was
   */
  static ClientTransaction counting(
      FiveTuple path,
      ByteBuffer request,
      Retransmission retransmission,
      long rtoNanos,
      @Nullable IntegrityKey key) {
    ClientTransaction transaction = new ClientTransaction(path, request, retransmission, rtoNanos);
    transaction.counted = new long[retransmission.requestCount()];
    transaction.key = key;
    return transaction;
  }

  /** Sends the request for the first time. */
  public void start(Outbox outbox, long now) {
    if (sends != 0) {
      throw new IllegalStateException("transaction " + id + " has started");
    }
    firstSent = now;
    send(outbox, now);
  }

  /**
   * Sends again when that is due. Early calls do nothing.
   *
   * @return false once the transaction has failed for want of an answer
   */
  public boolean handleTimeout(Outbox outbox, long now) {
    if (now < nextTimeout) {
      return true;
    }
    if (cancelled || overStream() || sends == retransmission.requestCount()) {
      nextTimeout = ProtocolMachine.NEVER;
      return false;
    }
    send(outbox, now);
    return true;
  }

  private void send(Outbox outbox, long now) {
    if (counted != null) {
      counted[sends] = now;
      StunMessage.count(request.clear(), TransmitCounts.of(sends + 1, 0), key);
    }
    sends++;
    lastSent = now;
    nextTimeout = now
        + (overStream()
            ? retransmission.streamTimeout().toNanos()
            : retransmission.waitAfter(sends, rto));
    outbox.transmit(path, request.clear(), NO_PAYLOAD);
  }

  /** Sends no more, but still waits as long as it would have for an answer (RFC 8445 7.3.1.4). */
  public void cancel() {
    if (sends != 0 && !cancelled && nextTimeout != ProtocolMachine.NEVER && !overStream()) {
      nextTimeout = firstSent + retransmission.transactionTimeout(rto);
    }
    cancelled = true;
  }

  /**
   * The round trip that a response ends, in nanoseconds; -1 when it can't be told which send it answers (Karn's rule).
   */
  long roundTrip(StunMessage response, long now) {
    int counter = response.intValue(AttributeType.TRANSACTION_TRANSMIT_COUNTER, 0);
    int answered = TransmitCounts.request(counter);
    if (counted != null && answered >= 1 && answered <= sends) {
      return now - counted[answered - 1];
    }
    return sends == 1 ? now - firstSent : -1;
  }

  private boolean overStream() {
    return path.local().transport() == Transport.TCP;
  }

  /** The ID that the response will carry. */
  public TransactionId id() {
    return id;
  }

  /** Where the request goes. */
  public FiveTuple path() {
    return path;
  }

  /** The request, read-only. */
  public ByteBuffer request() {
    return request.asReadOnlyBuffer().clear();
  }

  /** When {@link #handleTimeout} is next wanted, or {@link ProtocolMachine#NEVER}. */
  public long nextTimeout() {
    return nextTimeout;
  }

  /** How often the request was sent. */
  public int sends() {
    return sends;
  }

  /** When it was first sent. */
  public long firstSent() {
    return firstSent;
  }

  /** When it was last sent. */
  public long lastSent() {
    return lastSent;
  }

  /** Whether {@link #cancel} was called. */
  public boolean isCancelled() {
    return cancelled;
  }
}
