package dev.frazil.linux;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.DatagramPorts;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.PortRange;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.netty.io.SocketSettings;
import io.netty.channel.unix.Errors;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** The ports of one event loop, and what they share: the room for datagrams on their way in and out. */
final class LinuxPorts implements DatagramPorts {
  private static final System.Logger LOGGER = System.getLogger(LinuxPorts.class.getName());

  private static final int MOST_PATHS = 65_536;

  final Driver driver;
  final SystemCalls calls = new SystemCalls();
  final Incoming incoming = new Incoming();
  final Outgoing outgoing = new Outgoing();
  final Paths.Room paths = new Paths.Room(MOST_PATHS);
  private final List<LinuxPort> unflushed = new ArrayList<>();

  LinuxPorts(Driver driver) {
    this.driver = driver;
  }

  void flushLater(LinuxPort port) {
    unflushed.add(port);
    driver.flushLater(port);
  }

  /** Sends all that waits, because there is no room for more. */
  void flush() {
    for (int i = 0; i < unflushed.size(); i++) {
      unflushed.get(i).flush();
    }
  }

  /** A port has sent what it had; the list may still name it, and it does nothing when it is asked once more. */
  void flushed() {
    if (outgoing.isEmpty()) {
      unflushed.clear();
    }
  }

  @Override
  public void bind(
      IpAddress ip, SocketSettings settings, RandomGenerator random, DatagramPort.Owner owner) {
    PortRange ports = settings.ports();
    int start = ports.size() == 1 ? 0 : random.nextInt(ports.size());
    LinuxPort port;
    try {
      port = bind(ip, settings, start, owner);
    } catch (IOException e) {
      owner.handleBindFailed(reason(e));
      return;
    }
    owner.handleBound(port);
  }

  private LinuxPort bind(IpAddress ip, SocketSettings settings, int start, DatagramPort.Owner owner)
      throws IOException {
    PortRange ports = settings.ports();
    Socket socket = open(ip, settings);
    for (int attempt = 0; ; attempt++) {
      InetSocketAddress address =
          new InetSocketAddress(SocketAddresses.toInetAddress(ip), ports.port(start, attempt));
      IOException failure = bind(socket, address);
      if (failure == null) {
        return new LinuxPort(this, socket, ip.scopeId(), settings, owner);
      }
      boolean hopeless = attempt == 0 && !SocketAddresses.isHere(address.getAddress());
      if (hopeless || attempt + 1 == ports.size()) {
        socket.close();
        throw attempt == 0
            ? failure
            : new IOException("no port of " + ports.min() + "-" + ports.max()
                + " is free, the last one said: " + reason(failure));
      }
    }
  }

  @Override
  public @Nullable DatagramPort bindNow(
      TransportAddress address, SocketSettings settings, DatagramPort.Owner owner) {
    try {
      Socket socket = open(address.ip(), settings);
      if (bind(socket, SocketAddresses.toSocketAddress(address, 0)) == null) {
        return new LinuxPort(this, socket, address.ip().scopeId(), settings, owner);
      }
      socket.close();
    } catch (IOException e) { // no file descriptor left
      LOGGER.log(Level.WARNING, () -> "no socket for port " + address.port() + ": " + reason(e));
    }
    return null;
  }

  private Socket open(IpAddress ip, SocketSettings settings) throws IOException {
    int fd = calls.socket(ip.isIpv4());
    if (fd < 0) {
      throw Errors.newIOException("socket", fd);
    }
    Socket socket = new Socket(fd);
    if (settings.sharedPort()) {
      socket.setReusePort(true);
    }
    takeJoined(socket);
    if (settings.receiveBuffer() > 0) {
      socket.setReceiveBufferSize(settings.receiveBuffer());
    }
    if (settings.sendBuffer() > 0) {
      socket.setSendBufferSize(settings.sendBuffer());
    }
    return socket;
  }

  /** Without it, what comes joined is taken apart by the kernel, as Linux before 5.0 does in any case. */
  private static void takeJoined(Socket socket) {
    try {
      socket.setIntOpt(MessageHeader.SOL_UDP, MessageHeader.UDP_GRO, 1);
    } catch (IOException e) {
      LOGGER.log(Level.DEBUG, () -> "datagrams come one by one: " + reason(e));
    }
  }

  private static @Nullable IOException bind(Socket socket, InetSocketAddress address) {
    try {
      socket.bind(address);
      return null;
    } catch (IOException e) {
      return e;
    }
  }

  private static String reason(Throwable cause) {
    String message = cause.getMessage();
    return message == null ? cause.toString() : message;
  }
}
