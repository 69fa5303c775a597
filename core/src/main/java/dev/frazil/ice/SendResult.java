package dev.frazil.ice;

/** What became of a payload. */
public enum SendResult {
  /** Handed to the network. */
  SENT,
  /** Dropped, because the way out is full. */
  DROPPED,
  /** There is no path with consent at the moment. */
  NO_PATH
}
