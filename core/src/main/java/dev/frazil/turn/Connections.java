package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.Allocation.Relayed;
import dev.frazil.turn.Authentication.Request;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** TCP between clients and peers (RFC 6062): streams that are made, and joined to pipes; their bytes pass elsewhere. */
final class Connections {
  private static final long SECOND = 1_000_000_000L;
  /** RFC 6062 5.2: a connection attempt gets 30 s at least, and then the client 30 s to bind it. */
  private static final long PATIENCE = 30 * SECOND;

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final int LONGEST_INDICATION = 64;

  private final Allocations allocations;
  private final ByteBuffer out = ByteBuffer.allocate(LONGEST_INDICATION);

  Connections(Allocations allocations) {
    this.allocations = allocations;
  }

  /** A stream with a peer, which ends in a pipe or by its deadline. */
  static final class Connection extends Allocations.Expiring implements Allocations.Flow {
    private final Allocations allocations;
    final Allocation owner;
    final Relayed relayed;
    final int id;
    private final FiveTuple peerPath;
    /** The Connect request that waits for the stream; null afterwards. */
    private @Nullable Request pending;
    /** The client's stream it is joined to; null before. */
    private @Nullable FiveTuple clientPath;

    Connection(
        Allocations allocations,
        Allocation owner,
        Relayed relayed,
        int id,
        FiveTuple peerPath,
        @Nullable Request pending) {
      this.allocations = allocations;
      this.owner = owner;
      this.relayed = relayed;
      this.id = id;
      this.peerPath = peerPath;
      this.pending = pending;
    }

    /** Nobody came: no connection from the peer, or no ConnectionBind from the client. */
    @Override
    void expire(long now) {
      fail();
      end(now);
    }

    private void fail() {
      if (pending != null) {
        pending.fail(ErrorCode.CONNECTION_TIMEOUT_OR_FAILURE);
        pending = null;
      }
    }

    /** Closes both streams: when one side ends, so does the other. */
    void end(long now) {
      allocations.cancel(this);
      allocations.connections.remove(id);
      if (owner.connections != null) {
        owner.connections.remove(id);
      }
      close(peerPath);
      if (clientPath != null) {
        close(clientPath);
      }
    }

    private void close(FiveTuple path) {
      allocations.flows.remove(path);
      allocations.outbox.close(path);
    }
  }

  /** RFC 6062 5.2. */
  void connect(Request request, Allocation allocation) {
    TransportAddress peer = request.message.get(AttributeType.XOR_PEER_ADDRESS, Transport.TCP);
    Relayed relayed = peer == null ? null : allocation.relayed(peer.ip().family());
    FiveTuple path = relayed == null || peer == null || !allocation.isTcp()
        ? null
        : new FiveTuple(relayed.local, allocations.ports.wire(peer));
    if (path != null && allocations.flows.containsKey(path)) {
      request.fail(ErrorCode.CONNECTION_ALREADY_EXISTS);
    } else if (peer == null || !allocation.isTcp()) {
      request.fail(ErrorCode.BAD_REQUEST);
    } else if (relayed == null || path == null) {
      request.fail(ErrorCode.PEER_ADDRESS_FAMILY_MISMATCH);
    } else if (peer.port() == 0 || !allocations.permits(peer)) {
      allocations.outbox.event(new TurnServerEvent.PeerRefused(allocation.id, peer));
      request.fail(ErrorCode.FORBIDDEN);
    } else if (isFull(allocation)) {
      request.fail(ErrorCode.INSUFFICIENT_CAPACITY);
    } else {
      add(allocation, relayed, path, request, request.now);
      allocations.outbox.connect(path);
    }
  }

  /** As many connections as channels: both are one peer each. */
  private boolean isFull(Allocation allocation) {
    return allocation.connections().size() >= allocations.configuration.channels;
  }

  private Connection add(
      Allocation allocation, Relayed relayed, FiveTuple path, @Nullable Request pending, long now) {
    int id;
    do {
      id = allocations.configuration.shard << 24 | allocations.random.nextInt() >>> 8;
    } while (allocations.connections.containsKey(id));
    Connection connection = new Connection(allocations, allocation, relayed, id, path, pending);
    Map<Integer, Connection> ofAllocation = allocation.connections;
    if (ofAllocation == null) {
      ofAllocation = new HashMap<>();
      allocation.connections = ofAllocation;
    }
    ofAllocation.put(id, connection);
    allocations.connections.put(id, connection);
    allocations.flows.put(path, connection);
    allocations.schedule(connection, now + PATIENCE);
    return connection;
  }

  /** The stream that a client asked for is there. */
  void connected(FiveTuple path, long now) {
    if (!(allocations.flows.get(path) instanceof Connection connection)
        || connection.pending == null) {
      allocations.outbox.close(path); // it came too late
      return;
    }
    Request request = connection.pending;
    connection.pending = null;
    allocations.schedule(connection, now + PATIENCE);
    request.succeed(request.success().put(AttributeType.CONNECTION_ID, connection.id));
    tellConnected(connection);
  }

  private void tellConnected(Connection connection) {
    TransportAddress peer = allocations.ports.external(connection.peerPath.remote());
    allocations.outbox.event(
        new TurnServerEvent.PeerConnected(connection.owner.id, connection.id, peer));
  }

  void connectFailed(FiveTuple path, long now) {
    if (allocations.flows.get(path) instanceof Connection connection) {
      connection.fail();
      connection.end(now);
    }
  }

  /** A peer connected to a relayed address (RFC 6062 5.3). */
  void accepted(FiveTuple path, long now) {
    if (allocations.flows.containsKey(path)) {
      return; // both sides opened it at once: it is known already
    }
    Relayed relayed = allocations.relays.get(path.local());
    Allocation owner = relayed == null ? null : relayed.owner;
    TransportAddress peer = allocations.ports.external(path.remote());
    Allocation.Permission permission = relayed == null ? null : relayed.permission(peer.ip(), now);
    if (relayed == null
        || owner == null
        || permission == null
        || !allocations.permitsPort(peer, permission)
        || isFull(owner)) {
      allocations.drop(TurnServer.Drop.NO_PERMISSION);
      allocations.outbox.close(path);
      return;
    }
    Connection connection = add(owner, relayed, path, null, now);
    ByteBuffer attempt = StunBuilder.indication(
            Method.CONNECTION_ATTEMPT, TransactionId.random(allocations.random), out.clear())
        .put(AttributeType.XOR_PEER_ADDRESS, peer)
        .put(AttributeType.CONNECTION_ID, connection.id)
        .finish();
    allocations.outbox.transmit(owner.client, attempt, NOTHING);
    tellConnected(connection);
  }

  /** RFC 6062 5.4: the stream that the request came on becomes the client's end of the pipe. */
  void connectionBind(Request request, boolean isFresh) {
    FiveTuple path = request.path;
    Connection connection = request.message.isMalformed(AttributeType.CONNECTION_ID)
            || !request.message.has(AttributeType.CONNECTION_ID)
        ? null
        : allocations.connections.get(request.message.intValue(AttributeType.CONNECTION_ID, 0));
    if (path.local().transport() != Transport.TCP
        || !isFresh
        || connection == null
        || connection.pending != null
        || connection.clientPath != null) {
      request.fail(ErrorCode.BAD_REQUEST);
    } else if (!connection.owner.isOf(request.username(), request.realm())) {
      request.fail(ErrorCode.WRONG_CREDENTIALS);
    } else {
      allocations.cancel(connection);
      connection.clientPath = path;
      allocations.flows.put(path, connection);
      request.succeed(request.success());
      allocations.outbox.join(path, connection.peerPath);
    }
  }
}
