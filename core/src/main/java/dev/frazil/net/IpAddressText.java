package dev.frazil.net;

/** The text form of IP addresses: RFC 4291 2.2 to read, RFC 5952 to write. */
final class IpAddressText {
  private IpAddressText() {}

  static IpAddress parse(String text) {
    int percent = text.indexOf('%');
    if (percent >= 0) {
      IpAddress address = parse(text.substring(0, percent));
      if (!address.isIpv6()) {
        throw malformed(text);
      }
      return address.withScopeId(number(text, percent + 1, text.length(), Integer.MAX_VALUE));
    }
    return text.indexOf(':') < 0 ? IpAddress.ofIpv4(ipv4(text, 0)) : ipv6(text);
  }

  private static int ipv4(String text, int from) {
    int bits = 0;
    int at = from;
    for (int octet = 0; octet < 4; octet++) {
      int dot = octet < 3 ? text.indexOf('.', at) : text.length();
      if (dot < 0 || dot - at > 1 && text.charAt(at) == '0') {
        throw malformed(text); // a leading zero reads as octal elsewhere
      }
      bits = bits << 8 | number(text, at, dot, 255);
      at = dot + 1;
    }
    return bits;
  }

  private static IpAddress ipv6(String text) {
    long[] halves = new long[2];
    int[] groups = new int[8];
    int count = 0;
    int gap = -1;
    int at = 0;
    if (text.startsWith("::")) {
      gap = 0;
      at = 2;
    }
    while (at < text.length()) {
      int end = text.indexOf(':', at);
      if (end < 0 && text.indexOf('.', at) >= 0) {
        if (count > 6) {
          throw malformed(text);
        }
        int bits = ipv4(text, at);
        groups[count++] = bits >>> 16;
        groups[count++] = bits & 0xFFFF;
        at = text.length();
        break;
      }
      end = end < 0 ? text.length() : end;
      if (count == 8) {
        throw malformed(text);
      }
      groups[count++] = group(text, at, end);
      if (end == text.length()) {
        at = end;
        break;
      }
      at = end + 1;
      if (at == text.length()) {
        throw malformed(text); // a single colon at the end
      }
      if (text.charAt(at) == ':') {
        if (gap >= 0) {
          throw malformed(text);
        }
        gap = count;
        at++;
      }
    }
    if (gap < 0 ? count != 8 : count > 7) {
      throw malformed(text);
    }
    int missing = 8 - count;
    for (int i = 0; i < 8; i++) {
      int group = gap < 0 || i < gap ? groups[i] : i < gap + missing ? 0 : groups[i - missing];
      halves[i >> 2] = halves[i >> 2] << 16 | group;
    }
    return IpAddress.ofIpv6(halves[0], halves[1]);
  }

  private static int group(String text, int from, int to) {
    if (to == from || to - from > 4) {
      throw malformed(text);
    }
    int value = 0;
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      int digit = c < 128 ? Character.digit(c, 16) : -1;
      if (digit < 0) {
        throw malformed(text);
      }
      value = value << 4 | digit;
    }
    return value;
  }

  private static int number(String text, int from, int to, int max) {
    long value = 0;
    if (to == from || to - from > 10) {
      throw malformed(text);
    }
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '9') {
        throw malformed(text);
      }
      value = value * 10 + (c - '0');
    }
    if (value > max) {
      throw malformed(text);
    }
    return (int) value;
  }

  private static IllegalArgumentException malformed(String text) {
    String shown = text.length() > 60 ? text.substring(0, 60) + "…" : text;
    return new IllegalArgumentException("not an IP address: \"" + shown + "\"");
  }

  static String format(IpAddress address) {
    StringBuilder out = new StringBuilder(40);
    if (address.isIpv4()) {
      ipv4(out, (int) address.low());
      return out.toString();
    }
    if (address.isIpv4Mapped()) {
      out.append("::ffff:");
      ipv4(out, (int) address.low());
    } else {
      groups(out, address);
    }
    if (address.scopeId() != 0) {
      out.append('%').append(address.scopeId());
    }
    return out.toString();
  }

  private static void ipv4(StringBuilder out, int bits) {
    out.append(bits >>> 24).append('.').append(bits >>> 16 & 255).append('.');
    out.append(bits >>> 8 & 255).append('.').append(bits & 255);
  }

  private static void groups(StringBuilder out, IpAddress address) {
    int[] groups = new int[8];
    for (int i = 0; i < 8; i++) {
      groups[i] = (int) ((i < 4 ? address.high() : address.low()) >>> 48 - 16 * (i & 3)) & 0xFFFF;
    }
    int start = -1; // the longest run of two or more zeros, the first of equals
    int length = 1;
    for (int i = 0; i < 8; i++) {
      int run = 0;
      while (i + run < 8 && groups[i + run] == 0) {
        run++;
      }
      if (run > length) {
        start = i;
        length = run;
      }
      i += run;
    }
    for (int i = 0; i < 8; i++) {
      if (i == start) {
        out.append("::");
        i += length - 1;
        continue;
      }
      if (i > 0 && out.charAt(out.length() - 1) != ':') {
        out.append(':');
      }
      out.append(Integer.toHexString(groups[i]));
    }
  }
}
