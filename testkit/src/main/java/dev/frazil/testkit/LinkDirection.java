package dev.frazil.testkit;

/** One direction of an attachment's link: towards its network ({@code up}) or from there. */
final class LinkDirection {
  private final Attachment attachment;
  private final boolean up;
  private Link settings = Link.PERFECT;
  private long latency;
  private long jitter;
  private boolean instant;
  private long busyUntil;
  private long lastArrival = -1;

  LinkDirection(Attachment attachment, boolean up) {
    this.attachment = attachment;
    this.up = up;
    settings(Link.PERFECT);
  }

  Link settings() {
    return settings;
  }

  void settings(Link link) {
    settings = link;
    latency = link.latency().toNanos();
    jitter = link.jitter().toNanos();
    instant = latency == 0
        && jitter == 0
        && link.loss() == 0
        && link.duplication() == 0
        && link.reordering() == 0
        && link.bitsPerSecond() == 0;
  }

  /** Takes the packet over; it comes out at the other end, twice, late, or not at all. */
  void carry(Packet packet) {
    VirtualInternet net = attachment.net;
    int size = packet.size();
    if (size > settings.mtu()) {
      net.log().drop(packet, DropReason.TOO_BIG, attachment.place);
      return;
    }
    packet.enter(attachment, up);
    if (instant && lastArrival < net.now() && (up || !attachment.isHost())) {
      packet.fire(net.now());
      return;
    }
    if (happens(settings.loss())) {
      net.log().drop(packet, DropReason.LINK_LOSS, attachment.place);
      return;
    }
    long departure = departure(size);
    if (departure < 0) {
      net.log().drop(packet, DropReason.QUEUE_FULL, attachment.place);
      return;
    }
    net.schedule(packet, arrival(departure));
    if (happens(settings.duplication())) {
      net.schedule(net.duplicate(packet), arrival(departure));
    }
  }

  private long departure(int size) {
    long now = attachment.net.now();
    if (settings.bitsPerSecond() == 0) {
      return now;
    }
    long start = Math.max(now, busyUntil);
    if (start - now > settings.queue().toNanos()) {
      return -1;
    }
    busyUntil = start + size * 8_000_000_000L / settings.bitsPerSecond();
    return busyUntil;
  }

  private long arrival(long departure) {
    long arrival = departure + latency;
    if (jitter > 0) {
      arrival += attachment.net.random().nextLong(jitter + 1);
    }
    if (happens(settings.reordering())) {
      return arrival + settings.holdBack().toNanos();
    }
    lastArrival = Math.max(arrival, lastArrival);
    return lastArrival;
  }

  private boolean happens(double chance) {
    return chance > 0 && attachment.net.random().nextDouble() < chance;
  }
}
