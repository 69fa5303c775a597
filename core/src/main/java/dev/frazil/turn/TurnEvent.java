package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.StunClient.Failure;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a {@link TurnAllocation} tells its owner. */
public sealed interface TurnEvent {
  /**
   * There is an allocation.
   *
   * @param relayed its relayed addresses: one, or one of each family
   * @param mapped this client's address as the server sees it: server-reflexive
   * @param lifetime how long it lasts without a refresh
   * @param mobile whether {@link TurnAllocation#move} can take it elsewhere
   * @param reservationToken stands for the reserved port, for 30 s; null when none was asked for
   * @param missing why there is no relayed address of a family that was asked for
   */
  record Allocated(
      List<TransportAddress> relayed,
      TransportAddress mapped,
      Duration lifetime,
      boolean mobile,
      @Nullable Long reservationToken,
      List<AddressErrorCode> missing)
      implements TurnEvent {}

  /**
   * There is no allocation to be had.
   *
   * @param error the server's error, where it sent one
   * @param reason for people to read
   * @param retryAt when the server may be asked again, in the machine's time; never when it is
   *     {@link dev.frazil.net.ProtocolMachine#NEVER}
   */
  record Refused(Failure failure, @Nullable ErrorCode error, String reason, long retryAt)
      implements TurnEvent {}

  /** The server does not prolong the allocation, which ends at that time; it can be used until then. */
  record Expiring(Failure failure, @Nullable ErrorCode error, long expiresAt)
      implements TurnEvent {}

  /** The allocation is gone, with its relayed addresses, permissions and channels. */
  record Lost(String reason, @Nullable ErrorCode error) implements TurnEvent {}

  /** The server relays to and from a peer, for the first time or again. */
  record PermissionInstalled(IpAddress peer) implements TurnEvent {}

  /** The server does not relay to this peer; other peers have nothing to do with it. */
  record PermissionRefused(
      IpAddress peer, Failure failure, @Nullable ErrorCode error) implements TurnEvent {}

  /** Data to a peer has a header of 4 bytes from now on. */
  record ChannelBound(TransportAddress peer, int number) implements TurnEvent {}

  /** A datagram to a peer made the network answer with ICMP (RFC 8656 11.5). */
  record IcmpReceived(TransportAddress peer, IcmpMessage message) implements TurnEvent {}

  /**
   * The allocation now belongs to this path (RFC 8016). What peers send comes over the old one until something is sent to
   * one of them over the new one.
   */
  record Moved(FiveTuple path) implements TurnEvent {}

  /** The allocation could not be taken to this path, and stays where it is. */
  record MoveRefused(
      FiveTuple path, Failure failure, @Nullable ErrorCode error) implements TurnEvent {}

  /**
   * The server asks for a token of an authorization server (RFC 7635 6.1), the first or a newer one: see
   * {@link TurnAllocation#setAccessToken}.
   *
   * @param server the name by which the authorization server knows the TURN server
   */
  record TokenWanted(String server) implements TurnEvent {}

  /**
   * A TCP connection with a peer stands (RFC 6062). From the next byte on the stream of this path is what the peer sends,
   * and belongs to the application.
   *
   * @param incoming whether the peer opened it
   */
  record Connected(TransportAddress peer, FiveTuple path, boolean incoming) implements TurnEvent {}

  /** There is no TCP connection with this peer. */
  record ConnectRefused(
      TransportAddress peer, Failure failure, @Nullable ErrorCode error) implements TurnEvent {}

  /** All is over, by the owner's wish. */
  record Closed() implements TurnEvent {}
}
