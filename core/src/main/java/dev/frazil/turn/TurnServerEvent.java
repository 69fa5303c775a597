package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.List;

/**
 * What a {@link TurnServer} did for whom: enough for an audit, without credentials. Allocations are named by a number
 * that is unique within the machine. Usernames come from the network: whoever logs them has to escape them.
 */
public sealed interface TurnServerEvent {
  /** An allocation was made. The client's path is as this host sees it; relayed addresses are as clients are told. */
  record AllocationCreated(
      long allocation, String username, FiveTuple client, List<TransportAddress> relayed)
      implements TurnServerEvent {
    public AllocationCreated {
      relayed = List.copyOf(relayed);
    }
  }

  /** A client went on from another address (RFC 8016). */
  record AllocationMoved(long allocation, FiveTuple client) implements TurnServerEvent {}

  /** A peer may now send to the client; refreshing that is not told. */
  record PermissionCreated(long allocation, IpAddress peer) implements TurnServerEvent {}

  /** A channel was bound; refreshing it is not told. */
  record ChannelBound(long allocation, int number, TransportAddress peer)
      implements TurnServerEvent {}

  /** A stream to or from a peer is there (RFC 6062). */
  record PeerConnected(long allocation, int connectionId, TransportAddress peer)
      implements TurnServerEvent {}

  /** A client asked for a peer that the filter refuses. */
  record PeerRefused(long allocation, TransportAddress peer) implements TurnServerEvent {}

  /** An allocation is gone, with what it carried. */
  record AllocationEnded(
      long allocation, String username, EndReason reason, TurnServer.Traffic traffic)
      implements TurnServerEvent {}

  /** Why an allocation ended. */
  enum EndReason {
    /** The client asked for it by a Refresh with lifetime 0. */
    RELEASED,
    /** It was not refreshed in time. */
    EXPIRED,
    /** The stream to the client was closed. */
    DISCONNECTED,
    /** The server's owner ended it. */
    ENDED
  }
}
