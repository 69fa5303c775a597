package dev.frazil.stun;

/** The class of a STUN message (RFC 8489 5). */
public enum MessageClass {
  REQUEST,
  INDICATION,
  SUCCESS,
  ERROR;

  private static final MessageClass[] BY_BITS = values();

  /** The class that the bits C1 (0x0100) and C0 (0x0010) of a message type say. */
  static MessageClass ofType(int type) {
    return BY_BITS[type >> 7 & 2 | type >> 4 & 1];
  }

  /** The message type of this class and a method: M11..M7 C1 M6..M4 C0 M3..M0 (RFC 8489 5, figure 3). */
  int typeOf(int method) {
    int bits = ordinal();
    return (method & 0xF80) << 2
        | (method & 0x70) << 1
        | method & 0xF
        | (bits & 2) << 7
        | (bits & 1) << 4;
  }

  /** The method of a message type. */
  static int methodOf(int type) {
    return type >> 2 & 0xF80 | type >> 1 & 0x70 | type & 0xF;
  }
}
