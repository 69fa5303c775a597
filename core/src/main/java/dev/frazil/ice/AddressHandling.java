package dev.frazil.ice;

/** Which addresses an agent uses and tells, by RFC 8828 5.2. Its mode 4 needs a proxy and is not offered. */
public enum AddressHandling {
  /** Mode 1: every interface. Needs the consent of the user or the application. */
  ALL_INTERFACES,
  /** Mode 2: the addresses that the routing table picks, private ones included. */
  DEFAULT_ROUTE,
  /** Mode 3: as mode 2, but host candidates are told to nobody. */
  DEFAULT_ROUTE_PUBLIC_ONLY
}
