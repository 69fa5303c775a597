package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ClientLine.Refusal;
import dev.frazil.turn.ClientSession.Timer;
import dev.frazil.turn.TurnAllocation.DropReason;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** TCP connections with peers, each a stream of its own to the server (RFC 6062 4). */
final class ConnectionClient {
  /** RFC 6062 5.2, 5.3: the server waits for the data connection so long. */
  private static final long PATIENCE = 30 * ClientSession.SECOND;
  /** A server can announce many connections; those under way are bounded. */
  private static final int MOST_UNDER_WAY = 64;

  private final ClientSession session;
  private final Map<Integer, Connection> underWay = new HashMap<>();
  private final Map<FiveTuple, Connection> byPath = new HashMap<>();

  ConnectionClient(ClientSession session) {
    this.session = session;
  }

  /** A connection that is not ready for data yet. */
  private final class Connection implements ClientLine.Asker {
    private final int id;
    private final TransportAddress peer;
    private final boolean incoming;
    private final Timer patience = new Timer(now -> fail(Failure.TIMEOUT, null));
    private @Nullable ClientLine line;

    Connection(int id, TransportAddress peer, boolean incoming) {
      this.id = id;
      this.peer = peer;
      this.incoming = incoming;
    }

    void opened(FiveTuple path, long now) {
      ClientLine own = new ClientLine(session, path);
      line = own;
      byPath.put(path, this);
      own.request(
          Method.CONNECTION_BIND,
          builder -> builder.put(AttributeType.CONNECTION_ID, id),
          this,
          now);
    }

    @Override
    public void answered(StunMessage response, long askedAt, long now) {
      ClientLine own = line;
      if (own != null) {
        forget();
        session.outbox.event(new TurnEvent.Connected(peer, own.path, incoming));
      }
    }

    @Override
    public void refused(Refusal refusal, long now) {
      fail(refusal.failure(), refusal.error());
    }

    void fail(Failure failure, @Nullable ErrorCode error) {
      if (forget()) {
        if (line != null) {
          session.outbox.request(new TurnRequest.Close(line.path));
        }
        session.outbox.event(new TurnEvent.ConnectRefused(peer, failure, error));
      }
    }

    private boolean forget() {
      session.cancel(patience);
      if (line != null) {
        line.close();
        byPath.remove(line.path);
      }
      return underWay.remove(id, this);
    }
  }

  /** RFC 6062 4.3. */
  void connect(TransportAddress peer, long now) {
    ClientLine.Asker asker = new ClientLine.Asker() {
      @Override
      public void answered(StunMessage response, long askedAt, long later) {
        if (!bind(response, peer, false, later)) {
          session.outbox.event(new TurnEvent.ConnectRefused(peer, Failure.BAD_RESPONSE, null));
        }
      }

      @Override
      public void refused(Refusal refusal, long later) {
        if (refusal.code() == ErrorCode.ALLOCATION_MISMATCH) {
          session.lost("the server does not know the allocation", refusal.error(), false, later);
        } else {
          session.wantsToken(refusal);
          session.outbox.event(
              new TurnEvent.ConnectRefused(peer, refusal.failure(), refusal.error()));
        }
      }
    };
    session
        .line()
        .request(
            Method.CONNECT,
            builder -> builder.put(AttributeType.XOR_PEER_ADDRESS, peer),
            asker,
            now);
  }

  /** RFC 6062 4.4: a peer has connected to the relayed address. */
  void attempted(StunMessage indication, long now) {
    TransportAddress peer = indication.get(AttributeType.XOR_PEER_ADDRESS, Transport.TCP);
    if (peer == null || session.configuration.transport != Transport.TCP) {
      session.drop(DropReason.MALFORMED);
    } else if (!session.permissions.covers(peer.ip())) {
      session.drop(DropReason.NO_PERMISSION);
    } else if (!bind(indication, peer, true, now)) {
      session.drop(DropReason.TABLE_FULL);
    }
  }

  /** Wants a stream for the connection that a message names; false when it names none, or there are too many. */
  private boolean bind(StunMessage message, TransportAddress peer, boolean incoming, long now) {
    Integer id = message.get(AttributeType.CONNECTION_ID);
    if (id == null || underWay.containsKey(id) || underWay.size() == MOST_UNDER_WAY) {
      return false;
    }
    Connection connection = new Connection(id, peer, incoming);
    underWay.put(id, connection);
    session.schedule(connection.patience, now + PATIENCE);
    FiveTuple control = session.line().path;
    session.outbox.request(
        new TurnRequest.OpenConnection(id, control.local().ip(), control.remote(), session.domain));
    return true;
  }

  void opened(int id, FiveTuple path, long now) {
    Connection connection = underWay.get(id);
    if (connection == null || connection.line != null) {
      session.outbox.request(new TurnRequest.Close(path));
    } else {
      connection.opened(path, now);
    }
  }

  void openFailed(int id) {
    Connection connection = underWay.get(id);
    if (connection != null && connection.line == null) {
      connection.fail(Failure.UNREACHABLE, null);
    }
  }

  /** The path of a data connection that is not ready for data yet; null when it is none. */
  @Nullable ClientLine line(FiveTuple path) {
    Connection connection = byPath.get(path);
    return connection == null ? null : connection.line;
  }

  /** The allocation is gone. */
  void end() {
    List.copyOf(underWay.values())
        .forEach(connection -> connection.fail(Failure.UNREACHABLE, null));
  }
}
