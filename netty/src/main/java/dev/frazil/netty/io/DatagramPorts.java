package dev.frazil.netty.io;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Opens the datagram ports of one event loop, where both methods are called. */
public interface DatagramPorts {
  /** As {@link DatagramPort#bind} says. */
  void bind(
      IpAddress ip, SocketSettings settings, RandomGenerator random, DatagramPort.Owner owner);

  /** As {@link DatagramPort#bindNow} says. */
  @Nullable DatagramPort bindNow(TransportAddress address, SocketSettings settings, DatagramPort.Owner owner);
}
