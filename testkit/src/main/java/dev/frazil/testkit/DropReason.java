package dev.frazil.testkit;

/** Why a packet did not arrive. */
public enum DropReason {
  /** The link lost it, by its loss rate. */
  LINK_LOSS("lost on the link"),
  /** The link's queue was full. */
  QUEUE_FULL("the link's queue was full"),
  /** It was larger than the link's MTU; nothing is fragmented here. */
  TOO_BIG("larger than the link's MTU"),
  /** The network routes the destination nowhere, or the sending interface has no route. */
  NO_ROUTE("no route to the destination"),
  /** The destination would be on this very link, but nobody has that address. */
  NO_SUCH_ADDRESS("nobody has this address"),
  /** A link-local address would have left its link. */
  LINK_LOCAL("a link-local address does not leave its link"),
  /** It met 64 middleboxes. */
  HOP_LIMIT("hop limit reached"),
  /** The interface, or the middlebox, is down. */
  INTERFACE_DOWN("interface down"),
  /** The address that it was sent from or to has been removed. */
  ADDRESS_GONE("address removed"),
  /** Its host has no socket at this port. */
  PORT_CLOSED("no socket at this port"),
  /** The NAT knows no mapping for this external port. */
  NO_MAPPING("no mapping"),
  /** The NAT has the mapping, but its filter lets this sender not in (RFC 4787 5). */
  FILTERED("filtered by the NAT"),
  /** The NAT does not hairpin (RFC 4787 6). */
  NO_HAIRPINNING("the NAT does not hairpin"),
  /** The NAT has no free external port. */
  PORTS_EXHAUSTED("no external port left"),
  /** The firewall lets this transport or port never pass. */
  FIREWALL("blocked by the firewall"),
  /** The firewall lets it in only as an answer, and nothing was asked. */
  UNSOLICITED("unsolicited: blocked by the firewall");

  private final String text;

  DropReason(String text) {
    this.text = text;
  }

  /** The reason in words. */
  @Override
  public String toString() {
    return text;
  }
}
