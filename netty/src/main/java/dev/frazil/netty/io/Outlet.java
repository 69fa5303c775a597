package dev.frazil.netty.io;

/** What hands to the kernel at the end of a turn what was written in it. */
public interface Outlet {
  /** Hands to the kernel what was written. */
  void flush();
}
