package dev.frazil.ice;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Gives alike candidates the same foundation, and others different ones (RFC 8445 5.1.1.3). */
final class Foundations {
  private record Likeness(
      CandidateType type, IpAddress base, @Nullable IpAddress server, Transport transport) {}

  private final Map<Likeness, String> foundations = new HashMap<>();

  /** @param server the STUN or TURN server as it was contacted; null for other types */
  String of(CandidateType type, IpAddress base, @Nullable IpAddress server, Transport transport) {
    return foundations.computeIfAbsent(
        new Likeness(type, base, server, transport),
        likeness -> Integer.toString(foundations.size() + 1));
  }
}
