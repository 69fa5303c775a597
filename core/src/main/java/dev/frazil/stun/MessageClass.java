package dev.frazil.stun;

/** The class of a STUN message (RFC 8489 5). */
public enum MessageClass {
  REQUEST,
  INDICATION,
  SUCCESS,
  ERROR
}
