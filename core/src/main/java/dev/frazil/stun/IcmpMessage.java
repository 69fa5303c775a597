package dev.frazil.stun;

/**
 * The value of ICMP (RFC 8656 18.13): an ICMP message that a relayed datagram caused.
 *
 * @param type 0 to 127
 * @param code 0 to 511
 * @param data the next hop's MTU where type and code say so, else 0
 */
public record IcmpMessage(int type, int code, int data) {
  public IcmpMessage {
    if (type < 0 || type > 127 || code < 0 || code > 511) {
      throw new IllegalArgumentException(
          "an ICMP type is 0 to 127 and a code 0 to 511, not " + type + " and " + code);
    }
  }
}
