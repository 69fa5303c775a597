package dev.frazil.lab.interop;

import java.util.ArrayList;
import java.util.List;

/**
 * What a peer is started with: the arguments that all peers share, and those of one kind of peer only.
 *
 * @param controlling the role it starts in
 * @param stun STUN servers as {@code HOST:PORT}
 * @param trickle whether candidates go out, and are used, as they come
 * @param count payloads that the controlling peer sends
 * @param interval milliseconds between two payloads
 * @param timeout seconds after which a peer that is not connected gives up
 * @param extra further arguments as they stand
 */
record PeerArguments(
    boolean controlling,
    List<String> stun,
    boolean trickle,
    int count,
    int interval,
    int timeout,
    List<String> extra) {

  static final PeerArguments DEFAULT =
      new PeerArguments(true, List.of(), false, 100, 10, 60, List.of());

  PeerArguments {
    stun = List.copyOf(stun);
    extra = List.copyOf(extra);
  }

  PeerArguments withControlling(boolean newControlling) {
    return new PeerArguments(newControlling, stun, trickle, count, interval, timeout, extra);
  }

  PeerArguments withStun(List<String> newStun) {
    return new PeerArguments(controlling, newStun, trickle, count, interval, timeout, extra);
  }

  PeerArguments withTrickle(boolean newTrickle) {
    return new PeerArguments(controlling, stun, newTrickle, count, interval, timeout, extra);
  }

  PeerArguments withPayloads(int newCount, int newInterval) {
    return new PeerArguments(controlling, stun, trickle, newCount, newInterval, timeout, extra);
  }

  PeerArguments withTimeout(int newTimeout) {
    return new PeerArguments(controlling, stun, trickle, count, interval, newTimeout, extra);
  }

  PeerArguments withExtra(List<String> newExtra) {
    return new PeerArguments(controlling, stun, trickle, count, interval, timeout, newExtra);
  }

  /** The arguments as a command line. */
  List<String> toCommandLine() {
    List<String> line = new ArrayList<>();
    line.add(controlling ? "--controlling" : "--controlled");
    for (String server : stun) {
      line.addAll(List.of("--stun", server));
    }
    if (trickle) {
      line.add("--trickle");
    }
    line.addAll(
        List.of("--count", Integer.toString(count), "--interval", Integer.toString(interval)));
    line.addAll(List.of("--timeout", Integer.toString(timeout)));
    line.addAll(extra);
    return line;
  }
}
