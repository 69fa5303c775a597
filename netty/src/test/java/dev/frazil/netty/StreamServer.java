package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.client.ServerAddress;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** A blocking server of TCP on loopback, for one client. */
final class StreamServer implements AutoCloseable {
  final ServerSocket listening;
  Socket client;

  StreamServer() throws IOException {
    this(new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1")));
  }

  StreamServer(ServerSocket listening) throws IOException {
    this.listening = listening;
    listening.setSoTimeout((int) Loopback.LIMIT_SECONDS * 1000);
  }

  static ServerAddress at(int port) {
    TransportAddress server =
        new TransportAddress(IpAddress.parse("127.0.0.1"), port, Transport.TCP);
    return new ServerAddress(null, server, false, "127.0.0.1");
  }

  ServerAddress address() {
    return at(listening.getLocalPort());
  }

  ServerAddress address(String host) {
    return new ServerAddress(null, address().server(), true, host);
  }

  void accept() throws IOException {
    client = listening.accept();
    client.setTcpNoDelay(true);
    client.setSoTimeout((int) Loopback.LIMIT_SECONDS * 1000);
  }

  OutputStream out() throws IOException {
    return client.getOutputStream();
  }

  byte[] read(int length) throws IOException {
    byte[] bytes = new byte[length];
    new DataInputStream(client.getInputStream()).readFully(bytes);
    return bytes;
  }

  @Override
  public void close() throws IOException {
    listening.close();
    if (client != null) {
      client.close();
    }
  }
}
