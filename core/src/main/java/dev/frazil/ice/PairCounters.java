package dev.frazil.ice;

/** What happened on a pair. */
final class PairCounters {
  long requestsSent;
  long retransmissionsSent;
  long responsesReceived;
  long requestsReceived;
  long responsesSent;
  long consentRequestsSent;
  long totalRoundTrip;
  long currentRoundTrip;
  long packetsSent;
  long bytesSent;
  long packetsReceived;
  long bytesReceived;

  void answered(long roundTrip) {
    responsesReceived++;
    totalRoundTrip += roundTrip;
    currentRoundTrip = roundTrip;
  }
}
