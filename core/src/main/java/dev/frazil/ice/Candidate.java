package dev.frazil.ice;

import dev.frazil.net.TransportAddress;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A candidate as agents tell it to each other (RFC 8445 5.3).
 *
 * @param foundation 1 to 32 letters, digits, "+" and "/"; candidates that are alike share one (RFC 8445 5.1.1.3)
 * @param component 1 to 256
 * @param priority 1 to 2<sup>31</sup>−1
 * @param address where the peer can try to reach the agent
 * @param type how it was obtained
 * @param related the base of a reflexive candidate, the mapped address of a relayed one; null when absent or hidden
 * @param extensions further name and value pairs of the candidate line, in their order
 */
public record Candidate(
    String foundation,
    int component,
    int priority,
    TransportAddress address,
    CandidateType type,
    @Nullable TransportAddress related,
    Map<String, String> extensions) {
  /** The longest foundation (RFC 8839 5.1). */
  static final int MAX_FOUNDATION = 32;
  /** The highest component ID (RFC 8445 5.1.2.1). */
  static final int MAX_COMPONENT = 256;

  public Candidate {
    if (foundation.isEmpty() || foundation.length() > MAX_FOUNDATION) {
      throw new IllegalArgumentException(
          "foundation: 1 to 32 characters, not " + foundation.length());
    }
    if (!foundation.chars().allMatch(IceParameters::isIceChar)) {
      throw new IllegalArgumentException(
          "foundation: letters, digits, \"+\" and \"/\" (RFC 8839 5.1), not " + foundation);
    }
    if (component < 1 || component > MAX_COMPONENT) {
      throw new IllegalArgumentException("component: 1 to 256, not " + component);
    }
    if (priority < 1) {
      throw new IllegalArgumentException(
          "priority: 1 to 2147483647, not " + Integer.toUnsignedString(priority));
    }
    extensions = extensions.isEmpty() ? Map.of() : CandidateLine.orderedCopy(extensions);
  }

  /**
   * The priority that RFC 8445 5.1.2.1 recommends.
   *
   * @param typePreference 0 to 126
   * @param localPreference 0 to 65535
   * @param component 1 to 256
   */
  public static int priority(int typePreference, int localPreference, int component) {
    if (typePreference < 0 || typePreference > 126) {
      throw new IllegalArgumentException("type preference: 0 to 126, not " + typePreference);
    }
    if (localPreference < 0 || localPreference > 65535) {
      throw new IllegalArgumentException("local preference: 0 to 65535, not " + localPreference);
    }
    if (component < 1 || component > MAX_COMPONENT) {
      throw new IllegalArgumentException("component: 1 to 256, not " + component);
    }
    return typePreference << 24 | localPreference << 8 | 256 - component;
  }

  /**
   * Reads a candidate attribute (RFC 8839 5.1), with or without {@code a=} in front and a line end behind. A foundation
   * with other visible characters than it may have is given a name that is right.
   *
   * @return the candidate, or null for one that the RFC says to ignore: an unknown transport or type, a host name
   * @throws IllegalArgumentException when the line is malformed; the message names the field, its value and the rule
   */
  public static @Nullable Candidate parse(String line) {
    return CandidateLine.parse(line);
  }

  /** The candidate attribute (RFC 8839 5.1) without {@code a=}: {@code candidate:1 1 udp 2130706431 …}. */
  public String toLine() {
    return CandidateLine.format(this);
  }

  @Override
  public String toString() {
    return type.token() + " " + address;
  }
}
