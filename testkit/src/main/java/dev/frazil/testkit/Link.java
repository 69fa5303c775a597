package dev.frazil.testkit;

import java.time.Duration;

/**
 * What one direction of a link does to packets.
 *
 * <p>A packet first waits for the bytes before it (when the link has a bandwidth), then travels for the latency and a
 * random part of the jitter. Neither changes the order of packets; reordering does: a chosen packet is held back, so
 * that later ones overtake it.
 *
 * @param latency the time every packet travels
 * @param jitter the largest random addition to the latency, evenly distributed
 * @param loss the chance that a packet is lost, 0 to 1
 * @param duplication the chance that a packet arrives twice, 0 to 1
 * @param reordering the chance that a packet is held back, 0 to 1
 * @param holdBack how long a reordered packet is held back
 * @param bitsPerSecond the bandwidth, IP headers included; 0 for no limit
 * @param queue how long a packet may wait for the bytes before it; one that would wait longer is dropped
 * @param mtu the largest IP packet in bytes, 576 to 65,535; larger ones are dropped
 */
public record Link(
    Duration latency,
    Duration jitter,
    double loss,
    double duplication,
    double reordering,
    Duration holdBack,
    long bitsPerSecond,
    Duration queue,
    int mtu) {
  /** No latency, no loss, no limit but an MTU of 1,500 bytes. */
  public static final Link PERFECT = new Link(
      Duration.ZERO,
      Duration.ZERO,
      0,
      0,
      0,
      Duration.ofMillis(10),
      0,
      Duration.ofMillis(200),
      1500);

  /** Checks every range. */
  public Link {
    duration("latency", latency);
    duration("jitter", jitter);
    chance("loss", loss);
    chance("duplication", duplication);
    chance("reordering", reordering);
    duration("holdBack", holdBack);
    if (bitsPerSecond < 0) {
      throw new IllegalArgumentException("bitsPerSecond: at least 0, not " + bitsPerSecond);
    }
    duration("queue", queue);
    if (mtu < 576 || mtu > 65535) {
      throw new IllegalArgumentException("mtu: 576 to 65535, not " + mtu);
    }
  }

  /** A perfect link but for its latency. */
  public static Link ofLatency(Duration latency) {
    return PERFECT.withLatency(latency);
  }

  /** A perfect link but for its latency in milliseconds. */
  public static Link ofMillis(long latency) {
    return PERFECT.withLatency(Duration.ofMillis(latency));
  }

  /** This link with another latency. */
  public Link withLatency(Duration value) {
    return new Link(
        value, jitter, loss, duplication, reordering, holdBack, bitsPerSecond, queue, mtu);
  }

  /** This link with another jitter. */
  public Link withJitter(Duration value) {
    return new Link(
        latency, value, loss, duplication, reordering, holdBack, bitsPerSecond, queue, mtu);
  }

  /** This link with another chance of loss, 0 to 1. */
  public Link withLoss(double value) {
    return new Link(
        latency, jitter, value, duplication, reordering, holdBack, bitsPerSecond, queue, mtu);
  }

  /** This link with another chance of duplication, 0 to 1. */
  public Link withDuplication(double value) {
    return new Link(latency, jitter, loss, value, reordering, holdBack, bitsPerSecond, queue, mtu);
  }

  /** This link holding back packets with this chance (0 to 1) for this long. */
  public Link withReordering(double chance, Duration delay) {
    return new Link(latency, jitter, loss, duplication, chance, delay, bitsPerSecond, queue, mtu);
  }

  /** This link with another bandwidth, 0 for no limit, and a queue of this length in time. */
  public Link withBandwidth(long bits, Duration longestWait) {
    return new Link(
        latency, jitter, loss, duplication, reordering, holdBack, bits, longestWait, mtu);
  }

  /** This link with another MTU in bytes. */
  public Link withMtu(int value) {
    return new Link(
        latency, jitter, loss, duplication, reordering, holdBack, bitsPerSecond, queue, value);
  }

  /** This link without loss, duplication and reordering; latency, jitter, bandwidth and MTU stay. */
  public Link calm() {
    return new Link(latency, jitter, 0, 0, 0, holdBack, bitsPerSecond, queue, mtu);
  }

  private static void duration(String name, Duration value) {
    if (value.isNegative() || value.compareTo(Duration.ofDays(1)) > 0) {
      throw new IllegalArgumentException(name + ": 0 to 1 day, not " + value);
    }
  }

  private static void chance(String name, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new IllegalArgumentException(name + ": 0 to 1, not " + value);
    }
  }
}
