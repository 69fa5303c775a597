package dev.frazil.testkit;

import dev.frazil.net.TransportAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One datagram on its way, and at the same time the event of its next arrival. */
final class Packet extends Event {
  static final int HOP_LIMIT = 64;

  final long id;
  TransportAddress source;
  TransportAddress destination;
  /** Shared with captures: never written to after the first copy. */
  final byte[] payload;
  /** A port unreachable message (ICMP), from the host that has the address to the sender. */
  final boolean unreachable;

  private @Nullable Attachment at;
  private boolean up;
  private int hops;

  Packet(
      long id,
      TransportAddress source,
      TransportAddress destination,
      byte[] payload,
      boolean error) {
    this.id = id;
    this.source = source;
    this.destination = destination;
    this.payload = payload;
    this.unreachable = error;
  }

  /** A second packet in the same place on the same way. */
  Packet copy() {
    Packet copy = new Packet(id, source, destination, payload, unreachable);
    copy.at = at;
    copy.up = up;
    copy.hops = hops;
    return copy;
  }

  /** The bytes of the IP packet. */
  int size() {
    return IpPacket.size(source.ip().isIpv4(), source.transport(), payload.length);
  }

  /** Sets where the next arrival is: in the attachment's network ({@code towardsNetwork}) or at its node. */
  void enter(Attachment attachment, boolean towardsNetwork) {
    at = attachment;
    up = towardsNetwork;
  }

  /** The attachment whose link the packet is on or was last on. */
  Attachment at() {
    return Objects.requireNonNull(at, "not sent yet");
  }

  /** Counts a middlebox; false when there were too many. */
  boolean hop() {
    return ++hops < HOP_LIMIT;
  }

  @Override
  void fire(long now) {
    if (up) {
      at().attachedTo().forward(this);
    } else {
      at().receive(this);
    }
  }
}
