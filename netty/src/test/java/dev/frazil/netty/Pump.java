package dev.frazil.netty;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Takes streams on loopback and carries their bytes on to another server, and back. */
final class Pump implements Closeable {
  /** Says where a stream that came in goes on, having read from it what it has to. */
  @FunctionalInterface
  interface Onward {
    Socket from(Socket client) throws IOException;
  }

  private final ServerSocket listening;
  private final Onward onward;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();

  Pump(ServerSocket listening, Onward onward) {
    this.listening = listening;
    this.onward = onward;
    start(this::accept);
  }

  static ServerSocket listening() throws IOException {
    return new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"));
  }

  static Socket to(int port) throws IOException {
    return new Socket("127.0.0.1", port);
  }

  int port() {
    return listening.getLocalPort();
  }

  private static void start(Runnable task) {
    Thread thread = new Thread(task, "pump");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listening.accept();
        sockets.add(client);
        start(() -> connect(client));
      }
    } catch (IOException e) {
      // closed: that is how it ends
    }
  }

  private void connect(Socket client) {
    try {
      Socket server = onward.from(client);
      sockets.add(server);
      start(() -> carry(server, client));
      carry(client, server);
    } catch (IOException e) {
      close(client); // such as a handshake that failed
    }
  }

  private static void carry(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // one of them is closed
    }
    close(from);
    close(to);
  }

  private static void close(Closeable it) {
    try {
      it.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    close(listening);
    sockets.forEach(Pump::close);
  }
}
