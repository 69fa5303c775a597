package dev.frazil.testkit;

import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** One packet seen at one place: sent, forwarded, delivered or dropped there, with its addresses as they were there. */
public final class Sighting {
  /** What happened to the packet at that place. */
  public enum Fate {
    /** Its host sent it. */
    SENT,
    /** A middlebox passed it on; the addresses are those behind the translation. */
    FORWARDED,
    /** Its destination took it. */
    DELIVERED,
    /** It ended here, for the {@link Sighting#reason}. */
    DROPPED
  }

  private final long time;
  private final long packetId;
  private final PacketLog.Place place;
  private final Fate fate;
  private final @Nullable DropReason reason;
  private final TransportAddress source;
  private final TransportAddress destination;
  private final byte[] payload;
  private final boolean unreachable;

  Sighting(
      long time, Packet packet, PacketLog.Place place, Fate fate, @Nullable DropReason reason) {
    this.time = time;
    this.packetId = packet.id;
    this.place = place;
    this.fate = fate;
    this.reason = reason;
    this.source = packet.source;
    this.destination = packet.destination;
    this.payload = packet.payload;
    this.unreachable = packet.unreachable;
  }

  /** When, in nanoseconds of virtual time. */
  public long time() {
    return time;
  }

  /** The number of the packet, the same wherever it is seen; duplicates share it. */
  public long packetId() {
    return packetId;
  }

  /** Where: node and interface, such as {@code alice/eth0} or {@code nat/outer}. */
  public String place() {
    return place.name();
  }

  /** What happened. */
  public Fate fate() {
    return fate;
  }

  /** Why it was dropped, or null when it was not. */
  public @Nullable DropReason reason() {
    return reason;
  }

  /** The sender as seen here. */
  public TransportAddress source() {
    return source;
  }

  /** The receiver as seen here. */
  public TransportAddress destination() {
    return destination;
  }

  /** The payload, read-only. */
  public ByteBuffer payload() {
    return ByteBuffer.wrap(payload).asReadOnlyBuffer();
  }

  /** Whether this is a port unreachable message (ICMP) and no datagram; its payload is empty. */
  public boolean isUnreachable() {
    return unreachable;
  }

  int placeId() {
    return place.id();
  }

  byte[] bytes() {
    return payload;
  }

  /** {@code 0.050000000 alice/eth0 SENT 192.0.2.1:5000 > 203.0.113.7:6000, 20 bytes}. */
  @Override
  public String toString() {
    return VirtualInternet.seconds(time) + " " + place.name() + " " + fate
        + (reason == null ? "" : " (" + reason + ")") + " " + source + " > " + destination
        + (unreachable ? ", port unreachable" : ", " + payload.length + " bytes");
  }
}
