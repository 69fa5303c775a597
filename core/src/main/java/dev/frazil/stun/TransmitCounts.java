package dev.frazil.stun;

/** How many responses each of the last transactions got (RFC 7982), in a table of fixed size. */
final class TransmitCounts {
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
    int value = TransmitCounter.of(TransmitCounter.request(counter), responses[slot]);
    response.put(AttributeType.TRANSACTION_TRANSMIT_COUNTER, value);
  }
}
