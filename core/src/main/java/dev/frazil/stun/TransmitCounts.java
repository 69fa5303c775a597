package dev.frazil.stun;

/**
 * How many responses each of the last transactions got (RFC 7982), in a table of fixed size; and the value of
 * TRANSACTION-TRANSMIT-COUNTER: Req in bits 8 to 15, Resp in bits 0 to 7.
 */
final class TransmitCounts {
  /** In a request that is sent for the first time. */
  static final int FIRST = of(1, 0);

  private static final int SLOTS = 1024;

  private final TransactionId[] ids;
  private final int[] responses;

  TransmitCounts(boolean enabled) {
    ids = new TransactionId[enabled ? SLOTS : 0];
    responses = new int[ids.length];
  }

  /** Copies the request's count to the response and adds which response this is. */
  void answer(StunMessage request, StunBuilder response) {
    int counter =
        ids.length == 0 ? 0 : request.intValue(AttributeType.TRANSACTION_TRANSMIT_COUNTER, 0);
    if (counter == 0) {
      return;
    }
    TransactionId id = request.transactionId();
    int slot = id.hashCode() & SLOTS - 1;
    responses[slot] = id.equals(ids[slot]) ? responses[slot] + 1 : 1;
    ids[slot] = id;
    int value = of(request(counter), responses[slot]);
    response.put(AttributeType.TRANSACTION_TRANSMIT_COUNTER, value);
  }

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
