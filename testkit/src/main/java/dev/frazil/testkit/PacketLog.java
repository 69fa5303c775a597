package dev.frazil.testkit;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Counts packets, and tells the capture and the observers about them. */
final class PacketLog {
  /**
   * Where packets are seen.
   *
   * @param id its number in the capture
   * @param name node and interface
   */
  record Place(int id, String name) {}

  private final VirtualInternet net;
  private final Capture capture = new Capture();
  private final List<Consumer<Sighting>> observers = new ArrayList<>();
  private final long[] dropped = new long[DropReason.values().length];
  private long sent;
  private long duplicated;
  private long delivered;

  PacketLog(VirtualInternet net) {
    this.net = net;
  }

  Capture capture() {
    return capture;
  }

  void observe(Consumer<Sighting> observer) {
    observers.add(observer);
  }

  Statistics statistics() {
    Map<DropReason, Long> reasons = new EnumMap<>(DropReason.class);
    for (DropReason reason : DropReason.values()) {
      if (dropped[reason.ordinal()] > 0) {
        reasons.put(reason, dropped[reason.ordinal()]);
      }
    }
    return new Statistics(sent, duplicated, delivered, reasons);
  }

  /** Counts a new packet; answers its number. */
  long sent() {
    return sent++;
  }

  void duplicated() {
    duplicated++;
  }

  void see(Packet packet, Sighting.Fate fate, Place place) {
    if (fate == Sighting.Fate.DELIVERED) {
      delivered++;
    }
    if (capture.isOn() || !observers.isEmpty()) {
      tell(new Sighting(net.now(), packet, place, fate, null));
    }
  }

  void drop(Packet packet, DropReason reason, Place place) {
    dropped[reason.ordinal()]++;
    if (capture.isOn() || !observers.isEmpty()) {
      tell(new Sighting(net.now(), packet, place, Sighting.Fate.DROPPED, reason));
    }
  }

  private void tell(Sighting sighting) {
    if (capture.isOn()) {
      capture.add(sighting);
    }
    for (int i = 0; i < observers.size(); i++) {
      observers.get(i).accept(sighting);
    }
  }
}
