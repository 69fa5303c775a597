package dev.frazil.netty.io;

/**
 * The local ports that may be bound.
 *
 * @param min 1 to 65535; 0 when the system chooses
 * @param max at least min; both are included
 */
public record PortRange(int min, int max) {
  /** The system chooses. */
  public static final PortRange ANY = new PortRange(0, 0);

  public PortRange {
    boolean any = min == 0 && max == 0;
    if (!any && (min < 1 || max > 65535 || min > max)) {
      throw new IllegalArgumentException(
          "port range " + min + "-" + max + ": must be within 1-65535 and not empty");
    }
  }

  public int size() {
    return max - min + 1;
  }

  /** The port that is tried as the {@code attempt}-th, counted from 0, when the search starts at {@code start}. */
  public int port(int start, int attempt) {
    return min + (start + attempt) % size();
  }
}
