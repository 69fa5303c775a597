package dev.frazil.ice;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Nat64Prefix;
import dev.frazil.net.Transport;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** What the chapters of one agent share: configuration, outbox, timers, role, streams, open transactions, counters. */
final class Session {
  /** RFC 8489 6.1: a request that may meet an unknown MTU stays below this. */
  private static final int MAX_MESSAGE = 548;

  final IceConfiguration configuration;
  final IceOutbox outbox;
  final List<IceStream> streams = new ArrayList<>();
  final Foundations foundations = new Foundations();
  private final DeadlineQueue<Timer> timers = new DeadlineQueue<>();
  private final Map<TransactionId, Transaction> transactions = new HashMap<>();
  private final long[] dropped = new long[DropReason.values().length];
  private final ByteBuffer message = ByteBuffer.allocate(MAX_MESSAGE);

  Role role;
  /** RFC 8445 16.1. */
  long tieBreaker;
  /** How to reach IPv4 from an IPv6-only host; null when there is no need or no way. */
  @Nullable Nat64Prefix nat64;
  /** Ta in nanoseconds: our proposal until the peer's is known, then the larger (RFC 8445 14.2). */
  long ta;

  boolean closed;
  private long nextPairId = 1;

  Session(IceConfiguration configuration, IceOutbox outbox) {
    this.configuration = configuration;
    this.outbox = outbox;
    role = configuration.role;
    ta = configuration.pacing * 1_000_000L;
    tieBreaker = configuration.random.nextLong();
  }

  long newPairId() {
    return nextPairId++;
  }

  void schedule(Timer timer, long deadline) {
    timers.schedule(timer, deadline);
  }

  void cancel(Timer timer) {
    timers.cancel(timer);
  }

  long nextDeadline() {
    return timers.nextDeadline();
  }

  /** Runs what is due, and what that makes due. */
  void runTimers(long now) {
    for (Timer timer = timers.poll(now); timer != null; timer = timers.poll(now)) {
      timer.fire(now);
    }
  }

  /** Nothing that was to be done is done any more. */
  void forgetTimers() {
    while (timers.poll(Long.MAX_VALUE - 1) != null) {}
  }

  TransactionId newTransactionId() {
    return TransactionId.random(configuration.random);
  }

  void open(TransactionId id, Transaction transaction) {
    transactions.put(id, transaction);
  }

  void forget(TransactionId id) {
    transactions.remove(id);
  }

  @Nullable Transaction transaction(TransactionId id) {
    return transactions.get(id);
  }

  /** Those whose request went along a path. */
  private List<Transaction> transactionsOn(FiveTuple path) {
    return transactions.values().stream()
        .filter(each -> path.equals(each.path()))
        .toList();
  }

  /** The network says that what was sent on a path does not arrive. */
  void unreachable(FiveTuple path, long now) {
    transactionsOn(path).forEach(each -> each.handleUnreachable(now));
  }

  int openTransactions() {
    return transactions.size();
  }

  /** The buffer in which the next message is built; good until the next message. */
  ByteBuffer messageBuffer() {
    return message.clear();
  }

  /** Adds the role attribute (RFC 8445 7.1.3). */
  StunBuilder putRole(StunBuilder builder) {
    return builder.put(
        role == Role.CONTROLLING ? AttributeType.ICE_CONTROLLING : AttributeType.ICE_CONTROLLED,
        tieBreaker);
  }

  void drop(DropReason reason) {
    dropped[reason.ordinal()]++;
  }

  long dropped(DropReason reason) {
    return dropped[reason.ordinal()];
  }

  /** Writes a line of the event log about a pair. */
  void log(CandidatePair pair, @Nullable PairState state, String why) {
    if (configuration.eventLog) {
      outbox.event(new IceEvent.PairChanged(
          pair.generation.stream.index, pair.component(), pair.id, pair.toString(), state, why));
    }
  }

  /** Writes a line of the event log. */
  void log(String what, String why) {
    if (configuration.eventLog) {
      outbox.event(new IceEvent.Decided(what, why));
    }
  }

  void warn(String what) {
    outbox.event(new IceEvent.Warning(what));
  }

  /** Gives alike candidates the same foundation, and others different ones (RFC 8445 5.1.1.3). */
  static final class Foundations {
    private record Likeness(
        CandidateType type, IpAddress base, @Nullable IpAddress server, Transport transport) {}

    private final Map<Likeness, String> foundations = new HashMap<>();

    /** @param server the STUN or TURN server as it was contacted; null for other types */
    String of(CandidateType type, IpAddress base, @Nullable IpAddress server, Transport transport) {
      return foundations.computeIfAbsent(
          new Likeness(type, base, server, transport),
          likeness -> Integer.toString(foundations.size() + 1));
    }
  }

  /** Something that an agent does at a time. */
  static final class Timer extends DeadlineQueue.Entry {
    private final LongConsumer action;

    /** @param action is given the time at which it runs */
    Timer(LongConsumer action) {
      this.action = action;
    }

    void fire(long now) {
      action.accept(now);
    }
  }

  /** A request of ours that waits for its response. */
  interface Transaction {
    /**
     * A success or error response with this transaction's ID came in.
     *
     * @param path where it came in and from
     */
    void handleResponse(FiveTuple path, StunMessage response, long now);

    /** Where the request went; null before it did. */
    @Nullable FiveTuple path();

    /** The network says that the request can't arrive. */
    void handleUnreachable(long now);
  }
}
