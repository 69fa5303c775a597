package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ClientLine.Refusal;
import dev.frazil.turn.ClientSession.Timer;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Keeps an allocation, ends it (RFC 8656 8), and takes it to other paths (RFC 8016). */
final class RefreshClient {
  private static final int DEFAULT_LIFETIME = 600;
  private static final int LONGEST_LIFETIME = 24 * 60 * 60;
  private static final int LONGEST_TICKET = 1024;
  /** After a move the server uses the old path until data comes over the new one (RFC 8016 3.2), which may get lost. */
  private static final long FORMER_PATH_KEPT = 30 * ClientSession.SECOND;

  private final ClientSession session;
  private final Timer refreshing = new Timer(this::refresh);
  private final Timer expiring = new Timer(this::expired);
  private final Timer leavingFormer = new Timer(now -> leaveFormer());
  private boolean underWay;
  private long expiresAt;
  private @Nullable ErrorCode lastError;
  private boolean tokenWanted;
  private @Nullable ByteBuffer ticket;
  private @Nullable ClientLine moving;
  private @Nullable FiveTuple former;

  RefreshClient(ClientSession session) {
    this.session = session;
  }

  /** There is an allocation; answers whether it can be moved. */
  boolean allocated(StunMessage response, long lifetime, boolean mobility, long askedAt) {
    ticket = null;
    if (mobility) {
      keepTicket(response);
    }
    prolonged(lifetime, askedAt);
    return ticket != null;
  }

  private void keepTicket(StunMessage response) {
    ByteBuffer offered = response.get(AttributeType.MOBILITY_TICKET);
    if (offered != null && offered.hasRemaining() && offered.remaining() <= LONGEST_TICKET) {
      ticket = ByteBuffer.allocate(offered.remaining()).put(offered).flip().asReadOnlyBuffer();
    }
  }

  /** RFC 8656 8: by half of the lifetime, so that a second try fits. */
  private void prolonged(long lifetime, long askedAt) {
    underWay = false;
    lastError = null;
    tokenWanted = false;
    expiresAt = askedAt + lifetime;
    session.schedule(expiring, expiresAt);
    session.schedule(refreshing, askedAt + lifetime / 2);
  }

  // refreshing

  private void refresh(long now) {
    if (!underWay && session.isAllocated()) {
      underWay = true;
      session.line().request(Method.REFRESH, this::lifetime, new Refresh(), now);
    }
  }

  private void lifetime(StunBuilder builder) {
    if (session.configuration.lifetimeSeconds > 0) {
      builder.put(AttributeType.LIFETIME, session.configuration.lifetimeSeconds);
    }
  }

  private static long lifetimeOf(StunMessage response) {
    int seconds = response.intValue(AttributeType.LIFETIME, DEFAULT_LIFETIME);
    return Math.min(Integer.toUnsignedLong(seconds), LONGEST_LIFETIME) * ClientSession.SECOND;
  }

  private final class Refresh implements ClientLine.Asker {
    @Override
    public void answered(StunMessage response, long askedAt, long now) {
      if (ticket != null) {
        keepTicket(response);
      }
      long lifetime = lifetimeOf(response);
      if (lifetime == 0) {
        session.lost("the server ended the allocation", null, false, now);
      } else {
        prolonged(lifetime, askedAt);
      }
    }

    @Override
    public void refused(Refusal refusal, long now) {
      underWay = false;
      lastError = refusal.error();
      switch (refusal.code()) {
        case ErrorCode.ALLOCATION_MISMATCH -> // RFC 8656 8.3
          session.lost("the server does not know the allocation", lastError, false, now);
        case ErrorCode.TRY_ALTERNATE -> redirected(refusal, now);
        case ErrorCode.SERVER_ERROR,
            ErrorCode.INSUFFICIENT_CAPACITY,
            ErrorCode.ALLOCATION_QUOTA_REACHED -> again(ClientSession.MINUTE, now);
        case 0 ->
          again(
              refusal.failure() == Failure.TIMEOUT ? ClientSession.SECOND : ClientSession.MINUTE,
              now);
        default -> leftToExpire(refusal);
      }
    }
  }

  private void again(long wait, long now) {
    long half = Math.max((expiresAt - now) / 2, ClientSession.SECOND);
    session.schedule(refreshing, now + Math.min(wait, half));
  }

  private void redirected(Refusal refusal, long now) {
    if (session.allocate.redirect(refusal, now)) {
      session.end(now);
      session.outbox.event(
          new TurnEvent.Lost("the server sends its clients to another one", refusal.error()));
    } else {
      leftToExpire(refusal);
    }
  }

  private void leftToExpire(Refusal refusal) {
    session.outbox.event(new TurnEvent.Expiring(refusal.failure(), refusal.error(), expiresAt));
    tokenWanted = session.wantsToken(refusal);
  }

  void tokenArrived(long now) {
    if (tokenWanted) {
      tokenWanted = false;
      refresh(now);
    }
  }

  private void expired(long now) {
    session.lost("the allocation expired", lastError, false, now);
  }

  // deleting

  void delete(long now) {
    ClientLine.Asker deletion = new ClientLine.Asker() {
      @Override
      public void answered(StunMessage response, long askedAt, long later) {
        session.deleted(false, later);
      }

      @Override
      public void refused(Refusal refusal, long later) {
        // RFC 8656 8.3: 437 says that it is gone; after anything else it expires
        session.deleted(false, later);
      }
    };
    session
        .line()
        .request(Method.REFRESH, builder -> builder.put(AttributeType.LIFETIME, 0), deletion, now);
  }

  void end() {
    session.cancel(refreshing);
    session.cancel(expiring);
    underWay = false;
    tokenWanted = false;
    ticket = null;
    stopMoving();
    leaveFormer();
  }

  // moving (RFC 8016)

  boolean isMobile() {
    return ticket != null;
  }

  /** Whether datagrams on this path are for the allocation beside those on its own. */
  boolean hears(FiveTuple path) {
    return path.equals(former) || moving != null && path.equals(moving.path);
  }

  @Nullable ClientLine moving() {
    return moving;
  }

  void move(FiveTuple path, long now) {
    ByteBuffer present = ticket;
    if (present == null || !session.isAllocated()) {
      throw new IllegalStateException("move: the allocation is not mobile (RFC 8016)");
    }
    if (path.equals(session.line().path) || path.equals(former)) {
      throw new IllegalArgumentException("move: path " + path + " is in use already");
    }
    stopMoving();
    ClientLine line = new ClientLine(session, path);
    moving = line;
    line.request(
        Method.REFRESH,
        builder -> {
          lifetime(builder);
          builder.put(AttributeType.MOBILITY_TICKET, present.duplicate());
        },
        new Move(line),
        now);
  }

  private final class Move implements ClientLine.Asker {
    private final ClientLine to;

    Move(ClientLine to) {
      this.to = to;
    }

    @Override
    public void answered(StunMessage response, long askedAt, long now) {
      leaveFormer();
      moving = null;
      ClientLine from = session.line();
      from.close();
      former = from.path;
      session.line = to;
      keepTicket(response);
      prolonged(Math.max(lifetimeOf(response), ClientSession.SECOND), askedAt);
      session.outbox.event(new TurnEvent.Moved(to.path));
      session.permissions.askAgain(now);
      session.channels.askAgain(now);
    }

    @Override
    public void refused(Refusal refusal, long now) {
      FiveTuple path = to.path;
      stopMoving();
      session.outbox.event(new TurnEvent.MoveRefused(path, refusal.failure(), refusal.error()));
      if (refusal.failure() == Failure.ERROR_RESPONSE) {
        refresh(now); // to learn whether the allocation is still there
      }
    }
  }

  /** Data goes over the new path, by which the server leaves the old one. */
  void sent(long now) {
    if (former != null && leavingFormer.deadline() == ProtocolMachine.NEVER) {
      session.schedule(leavingFormer, now + FORMER_PATH_KEPT);
    }
  }

  /** Data came over the new path: the server has left the old one. */
  void heardOn(FiveTuple path) {
    if (former != null && !path.equals(former)) {
      leaveFormer();
    }
  }

  private void leaveFormer() {
    session.cancel(leavingFormer);
    if (former != null) {
      session.outbox.request(new TurnRequest.Close(former));
      former = null;
    }
  }

  private void stopMoving() {
    if (moving != null) {
      moving.close();
      session.outbox.request(new TurnRequest.Close(moving.path));
      moving = null;
    }
  }
}
