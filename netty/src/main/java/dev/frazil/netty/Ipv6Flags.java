package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What Linux tells about IPv6 addresses in /proc/net/if_inet6, and Java does not. */
final class Ipv6Flags {
  // The kernel's IFA_F_*: include/uapi/linux/if_addr.h
  static final int TEMPORARY = 0x01;
  static final int OPTIMISTIC = 0x04;
  static final int DUPLICATE = 0x08;
  static final int DEPRECATED = 0x20;
  static final int TENTATIVE = 0x40;

  private static final System.Logger LOGGER = System.getLogger(Ipv6Flags.class.getName());
  private static final Path FILE = Path.of("/proc/net/if_inet6");

  private Ipv6Flags() {}

  /** The flags of each address, with the interface's index as its scope; empty on other systems. */
  static Map<IpAddress, Integer> read() {
    if (!Files.exists(FILE)) {
      return Map.of();
    }
    try {
      return parse(Files.readAllLines(FILE));
    } catch (IOException e) {
      return Map.of();
    }
  }

  /** Lines of address, index, prefix length, scope, flags (all hexadecimal) and name; others are passed over. */
  static Map<IpAddress, Integer> parse(List<String> lines) {
    Map<IpAddress, Integer> flags = new HashMap<>();
    for (String line : lines) {
      String[] fields = line.trim().split("\\s+", -1);
      if (fields.length >= 6 && fields[0].length() == 32) {
        try {
          long high = Long.parseUnsignedLong(fields[0], 0, 16, 16);
          long low = Long.parseUnsignedLong(fields[0], 16, 32, 16);
          IpAddress address =
              IpAddress.ofIpv6(high, low).withScopeId(Integer.parseInt(fields[1], 16));
          flags.put(address, Integer.parseInt(fields[4], 16));
        } catch (NumberFormatException e) {
          LOGGER.log(Level.DEBUG, () -> FILE + " has the line " + line);
        }
      }
    }
    return flags;
  }

  /** Whether an address with these flags can be bound: it is known to be this host's alone. */
  static boolean isUsable(int flags) {
    boolean beingTested = (flags & TENTATIVE) != 0 && (flags & OPTIMISTIC) == 0;
    return !beingTested && (flags & DUPLICATE) == 0;
  }
}
