package dev.frazil.net;

/** A transport protocol below STUN, ICE and data. */
public enum Transport {
  UDP,
  TCP
}
