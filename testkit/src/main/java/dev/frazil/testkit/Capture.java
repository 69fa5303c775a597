package dev.frazil.testkit;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** The log of the packets of a virtual Internet: the last ones seen, up to a limit. */
public final class Capture {
  private static final int DEFAULT_LIMIT = 1 << 16;

  private final List<String> places = new ArrayList<>();
  private final ArrayDeque<Sighting> sightings = new ArrayDeque<>();
  private int limit = DEFAULT_LIMIT;
  private long forgotten;

  Capture() {}

  /**
   * Sets how many sightings are kept; when there are more, the oldest are forgotten. The default is 65,536; 0 turns the
   * capture off.
   */
  public void limit(int count) {
    if (count < 0) {
      throw new IllegalArgumentException("capture limit: at least 0, not " + count);
    }
    limit = count;
    while (sightings.size() > limit) {
      sightings.remove();
      forgotten++;
    }
  }

  /** What has been seen, in the order of time. */
  public List<Sighting> sightings() {
    return List.copyOf(sightings);
  }

  /** How many older sightings were forgotten because of the limit. */
  public long forgotten() {
    return forgotten;
  }

  /** Forgets everything seen so far. */
  public void clear() {
    forgotten += sightings.size();
    sightings.clear();
  }

  /**
   * Writes everything as a pcapng file that Wireshark opens: one interface for each place, time in nanoseconds,
   * IP packets with right checksums in Ethernet frames with made-up addresses, and a comment on each dropped packet
   * saying why.
   *
   * @throws IOException when the file cannot be written
   */
  public void writePcap(Path file) throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      PcapWriter writer = new PcapWriter(out, places);
      for (Sighting sighting : sightings) {
        writer.write(sighting);
      }
    }
  }

  boolean isOn() {
    return limit > 0;
  }

  PacketLog.Place place(String name) {
    places.add(name);
    return new PacketLog.Place(places.size() - 1, name);
  }

  void add(Sighting sighting) {
    if (sightings.size() == limit) {
      sightings.remove();
      forgotten++;
    }
    sightings.add(sighting);
  }
}
