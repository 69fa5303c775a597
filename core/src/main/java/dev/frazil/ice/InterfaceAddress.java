package dev.frazil.ice;

import dev.frazil.net.IpAddress;

/**
 * One IP address of one network interface, as the runtime sees it.
 *
 * @param name the interface's name
 * @param address the address; a link-local IPv6 address has the interface's index as its scope
 * @param prefixLength the length of its prefix in bits
 * @param flags what else is known of it
 */
public record InterfaceAddress(String name, IpAddress address, int prefixLength, Flags flags) {
  /**
   * What gathering wants to know of an address beside its value.
   *
   * @param loopback the interface is a loopback
   * @param temporary a location-privacy address (RFC 8981)
   * @param deprecated past its preferred lifetime
   * @param defaultRoute the address that the routing table picks towards the Internet (RFC 8828 mode 2)
   * @param unreliable known for bad connectivity, a tunnel for example (RFC 8421 3)
   */
  public record Flags(
      boolean loopback,
      boolean temporary,
      boolean deprecated,
      boolean defaultRoute,
      boolean unreliable) {
    /** Nothing special, but the routing table picks it. */
    public static final Flags DEFAULT_ROUTE = new Flags(false, false, false, true, false);
    /** Nothing special. */
    public static final Flags NONE = new Flags(false, false, false, false, false);
    /** A loopback. */
    public static final Flags LOOPBACK = new Flags(true, false, false, false, false);
  }

  @Override
  public String toString() {
    return name + " " + address + "/" + prefixLength;
  }
}
