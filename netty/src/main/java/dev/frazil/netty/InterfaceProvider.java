package dev.frazil.netty;

import dev.frazil.ice.InterfaceAddress;
import java.io.IOException;
import java.util.List;

/**
 * Tells which addresses the host has. It is asked again every few seconds while a session lives, on a thread of the
 * runtime that may block for a moment.
 */
@FunctionalInterface
public interface InterfaceProvider {
  /** What the system tells: the addresses of the interfaces that are up. */
  static InterfaceProvider system() {
    return SystemInterfaces.INSTANCE;
  }

  /**
   * The addresses that the host has now.
   *
   * @throws IOException when they can't be told: the last known ones are kept, and a {@link
   *     dev.frazil.ice.IceEvent.Warning} says so once
   */
  List<InterfaceAddress> addresses() throws IOException;
}
