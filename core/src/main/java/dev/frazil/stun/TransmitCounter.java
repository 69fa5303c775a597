package dev.frazil.stun;

/** The value of TRANSACTION-TRANSMIT-COUNTER (RFC 7982): Req in bits 8 to 15, Resp in bits 0 to 7. */
final class TransmitCounter {
  /** In a request that is sent for the first time. */
  static final int FIRST = of(1, 0);

  private TransmitCounter() {}

  static int of(int request, int response) {
    return Math.min(request, 0xFF) << 8 | Math.min(response, 0xFF);
  }

  /** Which transmission of the request this is, or answers. */
  static int request(int value) {
    return value >>> 8 & 0xFF;
  }

  /** How many responses were sent, this one counted. */
  static int response(int value) {
    return value & 0xFF;
  }
}
