package dev.frazil.ice;

/** Who nominates (RFC 8445 6.1.1). */
public enum Role {
  CONTROLLING,
  CONTROLLED;

  /** The other side's role. */
  public Role opposite() {
    return this == CONTROLLING ? CONTROLLED : CONTROLLING;
  }
}
