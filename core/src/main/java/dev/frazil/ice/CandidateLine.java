package dev.frazil.ice;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The grammar of the candidate attribute (RFC 8839 5.1; RFC 6544 4.5 for {@code tcptype}). */
final class CandidateLine {
  private static final int MAX_LENGTH = 4096;
  private static final int DISCARD_PORT = 9;

  private CandidateLine() {}

  static @Nullable Candidate parse(String line) {
    if (line.length() > MAX_LENGTH) {
      throw malformed("line", line.length() + " characters", "at most " + MAX_LENGTH);
    }
    String text = line.strip();
    text = text.startsWith("a=") ? text.substring(2) : text;
    if (!text.startsWith("candidate:")) {
      throw malformed("line", text, "begins with \"candidate:\"");
    }
    String[] fields = text.substring("candidate:".length()).split(" ", -1);
    if (fields.length < 8) {
      throw malformed(
          "line",
          text,
          "foundation component transport priority address port \"typ\" type, separated by one space");
    }
    String foundation = foundation(fields[0]);
    int component = number("component", fields[1], 1, Candidate.MAX_COMPONENT, 3);
    int priority = number("priority", fields[3], 1, Integer.MAX_VALUE, 10);
    int port = number("port", fields[5], 0, 65535, 5);
    if (!fields[6].equalsIgnoreCase("typ")) {
      throw malformed("seventh field", fields[6], "is \"typ\"");
    }
    Transport transport = transport(fields[2]);
    CandidateType type = CandidateType.ofToken(fields[7].toLowerCase(Locale.ROOT));
    Map<String, String> rest = pairs(fields);
    IpAddress ip = address("address", fields[4]);
    TransportAddress related = related(rest, transport == null ? Transport.UDP : transport);
    if (transport == null || type == null || ip == null) {
      return null; // RFC 8839 5.1: unknown transports, types and host names are passed over
    }
    return new Candidate(
        foundation,
        component,
        priority,
        new TransportAddress(ip, port, transport),
        type,
        related,
        rest);
  }

  private static String foundation(String text) {
    if (text.isEmpty() || text.length() > Candidate.MAX_FOUNDATION) {
      throw malformed("foundation", text, "1 to 32 characters");
    }
    if (!text.chars().allMatch(CandidateLine::isVisible)) {
      throw malformed("foundation", text, "visible ASCII characters");
    }
    return text.chars().allMatch(IceParameters::isIceChar)
        ? text
        : "other" + Integer.toHexString(text.hashCode()); // some send '-' and '='
  }

  private static boolean isVisible(int c) {
    return c > ' ' && c < 127;
  }

  private static @Nullable Transport transport(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "udp" -> Transport.UDP;
      case "tcp" -> Transport.TCP;
      default -> null;
    };
  }

  /** The address, or null for a host name. */
  private static @Nullable IpAddress address(String field, String text) {
    boolean name =
        text.indexOf(':') < 0 && !text.chars().allMatch(c -> c == '.' || c >= '0' && c <= '9');
    if (name && text.matches("[A-Za-z0-9_.-]+")) {
      return null;
    }
    if (text.indexOf('%') >= 0) {
      throw malformed(field, text, "no zone (RFC 8839 5.1)");
    }
    try {
      return IpAddress.parse(text);
    } catch (IllegalArgumentException e) {
      throw malformed(field, text, "an IPv4 or IPv6 address without brackets, or a host name");
    }
  }

  private static Map<String, String> pairs(String[] fields) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (int i = 8; i < fields.length; i += 2) {
      if (fields[i].isEmpty() && i == fields.length - 1) {
        break; // a space at the end
      }
      if (i + 1 == fields.length || fields[i].isEmpty()) {
        throw malformed("extension", fields[i], "a name and a value");
      }
      pairs.putIfAbsent(fields[i], fields[i + 1]);
    }
    return pairs;
  }

  private static @Nullable TransportAddress related(Map<String, String> rest, Transport transport) {
    String address = rest.remove("raddr");
    String port = rest.remove("rport");
    if (address == null || port == null) {
      return null; // RFC 8839 5.1 wants both or neither; others leave them out
    }
    int number = number("rport", port, 0, 65535, 5);
    IpAddress ip = address("raddr", address);
    if (ip == null || ip.isUnspecified()) {
      return null; // concealed (SIG-0480): 0.0.0.0 or ::, port 9 or 0
    }
    return new TransportAddress(ip, number, transport);
  }

  private static int number(String field, String text, int min, int max, int digits) {
    long value = -1;
    if (!text.isEmpty()
        && text.length() <= digits
        && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      value = Long.parseLong(text);
    }
    if (value < min || value > max) {
      throw malformed(field, text, min + " to " + max);
    }
    return (int) value;
  }

  static String format(Candidate candidate) {
    TransportAddress address = candidate.address();
    StringBuilder line = new StringBuilder(128).append("candidate:");
    line.append(candidate.foundation())
        .append(' ')
        .append(candidate.component())
        .append(' ');
    line.append(address.transport().name().toLowerCase(Locale.ROOT))
        .append(' ')
        .append(candidate.priority());
    line.append(' ').append(address.ip().withScopeId(0)).append(' ').append(address.port());
    line.append(" typ ").append(candidate.type().token());
    if (candidate.type() != CandidateType.HOST) {
      TransportAddress related = candidate.related();
      IpAddress hidden = address.ip().isIpv4() ? IpAddress.ANY4 : IpAddress.ANY6;
      line.append(" raddr ").append(related == null ? hidden : related.ip().withScopeId(0));
      line.append(" rport ").append(related == null ? DISCARD_PORT : related.port());
    }
    candidate
        .extensions()
        .forEach((name, value) -> line.append(' ').append(name).append(' ').append(value));
    return line.toString();
  }

  static Map<String, String> orderedCopy(Map<String, String> extensions) {
    Map<String, String> copy = new LinkedHashMap<>(extensions);
    copy.forEach((name, value) -> {
      if (!isWord(name) || !isWord(value)) {
        throw malformed(
            "extension", name + " " + value, "a name and a value of visible characters");
      }
    });
    return Collections.unmodifiableMap(copy);
  }

  private static boolean isWord(String text) {
    return !text.isEmpty() && text.chars().allMatch(CandidateLine::isVisible);
  }

  private static IllegalArgumentException malformed(String field, String value, String rule) {
    String shown = value.length() > 80 ? value.substring(0, 80) + "…" : value;
    return new IllegalArgumentException(
        "candidate " + field + " \"" + shown + "\": must be " + rule);
  }
}
