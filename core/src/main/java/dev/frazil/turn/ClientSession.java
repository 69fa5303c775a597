package dev.frazil.turn;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.ClientAuthentication;
import dev.frazil.stun.ClientAuthentication.ThirdPartyToken;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.RoundTripTimes;
import dev.frazil.turn.TurnAllocation.DropReason;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** What the chapters of one allocation share: its state, its path, its relayed addresses, timers and counters. */
final class ClientSession {
  static final long SECOND = 1_000_000_000L;
  static final long MINUTE = 60 * SECOND;

  /** Closing lingers so long for the server's answer. */
  private static final long LINGER = SECOND;
  /** An allocation that is lost sooner is no reason to ask for the next one at once. */
  private static final long SHORT_LIVED = 10 * SECOND;

  enum State {
    /** There is no allocation, and none is asked for. */
    IDLE,
    /** There will be a request, once time has passed or a path is open. */
    WAITING,
    ALLOCATING,
    ALLOCATED,
    /** The allocation is being deleted, to start over. */
    DELETING,
    /** The owner closed it; the server is still to be told. */
    CLOSING,
    CLOSED
  }

  /** Something that is done at a time. */
  static final class Timer extends DeadlineQueue.Entry {
    private final LongConsumer action;

    /** @param action is given the time at which it runs */
    Timer(LongConsumer action) {
      this.action = action;
    }
  }

  final TurnConfiguration configuration;
  final TurnAllocation.Outbox outbox;
  final RoundTripTimes roundTrips;
  final AllocateClient allocate;
  final RefreshClient refresh;
  final PermissionClient permissions;
  final ChannelClient channels;
  final ConnectionClient connections;
  private final DeadlineQueue<Timer> timers = new DeadlineQueue<>();
  private final Timer lingering = new Timer(this::finish);
  private final long[] dropped = new long[DropReason.values().length];

  State state = State.IDLE;
  ClientAuthentication authentication;
  /** Neither account nor token: only a server open to everybody lets that in. */
  boolean anonymous;

  private @Nullable ThirdPartyToken accessToken;
  /** The path to the server; null when there is none. */
  @Nullable ClientLine line;
  /** What the server's certificate holds, where a redirection named it. */
  @Nullable String domain;

  List<TransportAddress> relayed = List.of();
  private long allocatedAt;
  private boolean startsOver;
  private boolean tokenWanted;

  ClientSession(TurnConfiguration configuration, TurnAllocation.Outbox outbox) {
    this.configuration = configuration;
    this.outbox = outbox;
    roundTrips = new RoundTripTimes(configuration.options.retransmission().initialRto());
    accessToken = configuration.accessToken;
    anonymous = configuration.credential == null && accessToken == null;
    authentication = configuration.credential != null
        ? ClientAuthentication.longTerm(configuration.credential)
        : anonymous ? ClientAuthentication.none() : ClientAuthentication.thirdParty(this::token);
    allocate = new AllocateClient(this);
    refresh = new RefreshClient(this);
    permissions = new PermissionClient(this);
    channels = new ChannelClient(this);
    connections = new ConnectionClient(this);
  }

  private ThirdPartyToken token() {
    if (accessToken == null) {
      throw new IllegalStateException("no access token");
    }
    return accessToken;
  }

  // credentials

  /** Takes another account, from the next allocation on: an allocation keeps its own (RFC 8656 7.3). */
  void setCredential(LongTermCredential credential) {
    anonymous = false;
    allocate.credentialChanged(ClientAuthentication.longTerm(credential));
  }

  void setAccessToken(ThirdPartyToken token, long now) {
    if (accessToken == null) {
      allocate.credentialChanged(ClientAuthentication.thirdParty(this::token));
    }
    accessToken = token;
    anonymous = false;
    tokenWanted = false;
    allocate.tokenArrived(now);
    if (isAllocated()) {
      refresh.tokenArrived(now);
      permissions.askAgain(now);
      channels.askAgain(now);
    }
  }

  /** Whether the server refuses for want of a token, or of a newer one; tells the owner, once. */
  boolean wantsToken(ClientLine.Refusal refusal) {
    String server = refusal.tokenWantedFor();
    if (server != null && !tokenWanted) {
      tokenWanted = true;
      outbox.event(new TurnEvent.TokenWanted(server));
    }
    return server != null;
  }

  // paths

  ClientLine line() {
    if (line == null) {
      throw new IllegalStateException("no path to the server");
    }
    return line;
  }

  /** Speaks over this path from now on; the former one is closed. */
  void use(FiveTuple path) {
    ClientLine former = line;
    line = new ClientLine(this, path);
    if (former != null) {
      former.close();
      if (!former.path.equals(path)) {
        outbox.request(new TurnRequest.Close(former.path));
      }
    }
  }

  /**
   * The connection to the server is gone, or an ICMP error came back.
   *
   * @param gone whether nothing can be sent over the path any more
   */
  void unreachable(ClientLine present, boolean gone, long now) {
    switch (state) {
      case ALLOCATED -> {
        if (gone) {
          lost("the connection to the server broke", null, true, now);
        }
      }
      case WAITING -> {
        if (gone) {
          allocate.reopenLater();
        }
      }
      case DELETING -> {
        present.cancelAll(now);
        deleted(gone, now);
      }
      default -> present.handleUnreachable(now);
    }
  }

  void closePath() {
    if (line != null) {
      line.close();
      outbox.request(new TurnRequest.Close(line.path));
      line = null;
    }
  }

  // the life of an allocation

  boolean isAllocated() {
    return state == State.ALLOCATED;
  }

  void allocated(List<TransportAddress> addresses, long now) {
    state = State.ALLOCATED;
    relayed = addresses;
    allocatedAt = now;
  }

  boolean relays(TransportAddress peer) {
    for (int i = 0; i < relayed.size(); i++) {
      if (relayed.get(i).ip().family() == peer.ip().family()) {
        return true;
      }
    }
    return false;
  }

  /** The allocation has gone; the path to the server has not, unless it is said to have. */
  void lost(String reason, @Nullable ErrorCode error, boolean pathBroken, long now) {
    end(now);
    outbox.event(new TurnEvent.Lost(reason, error));
    long at = now - allocatedAt < SHORT_LIVED ? now + MINUTE : now;
    if (!configuration.reallocate) {
      state = State.IDLE;
      closePath();
    } else if (pathBroken) {
      allocate.reopen(at, now);
    } else {
      allocate.askAt(at, now);
    }
  }

  /** RFC 8656 12.3: client and server disagree; the allocation is deleted, and another takes its place if one is to. */
  void startOver(String reason, @Nullable ErrorCode error, long now) {
    end(now);
    outbox.event(new TurnEvent.Lost(reason, error));
    delete(configuration.reallocate, now);
  }

  /** Deletes an allocation, and then asks for another or leaves it at that. */
  void delete(boolean again, long now) {
    state = State.DELETING;
    startsOver = again;
    refresh.delete(now);
  }

  /** The owner asks anew: an allocation that was of no use is left to its lifetime if it is not deleted yet. */
  void leaveUseless(long now) {
    if (state == State.DELETING && !startsOver) {
      line().cancelAll(now);
      deleted(false, now);
    }
  }

  /** Forgets what belonged to an allocation. */
  void end(long now) {
    relayed = List.of();
    line().cancelAll(now);
    refresh.end();
    permissions.end();
    channels.end();
    connections.end();
  }

  /** The allocation is deleted, or there is nobody who could. */
  void deleted(boolean pathBroken, long now) {
    if (state == State.CLOSING) {
      finish(now);
    } else if (startsOver && pathBroken) {
      allocate.reopen(now, now);
    } else if (startsOver) {
      allocate.askAt(now, now);
    } else {
      state = State.IDLE;
      closePath();
    }
  }

  void close(long now) {
    switch (state) {
      case ALLOCATED -> {
        end(now);
        linger(now);
        refresh.delete(now);
      }
      case ALLOCATING -> {
        if (allocate.isUnderWay()) {
          linger(now); // the server may have an allocation for us, to be deleted when we hear of it
        } else {
          finish(now);
        }
      }
      case DELETING -> linger(now);
      case CLOSING, CLOSED -> {} // it is on its way
      default -> finish(now);
    }
  }

  private void linger(long now) {
    state = State.CLOSING;
    schedule(lingering, now + LINGER);
  }

  void finish(long now) {
    if (state != State.CLOSED) {
      state = State.CLOSED;
      allocate.end();
      refresh.end();
      permissions.end();
      channels.end();
      connections.end();
      cancel(lingering);
      closePath();
      outbox.event(new TurnEvent.Closed());
    }
  }

  // timers and counters

  void schedule(Timer timer, long deadline) {
    timers.schedule(timer, deadline);
  }

  void cancel(Timer timer) {
    timers.cancel(timer);
  }

  void runTimers(long now) {
    for (Timer timer = timers.poll(now); timer != null; timer = timers.poll(now)) {
      timer.action.accept(now);
    }
  }

  long nextDeadline() {
    return timers.nextDeadline();
  }

  void drop(DropReason reason) {
    dropped[reason.ordinal()]++;
  }

  long dropped(DropReason reason) {
    return dropped[reason.ordinal()];
  }
}
