package dev.frazil.netty;

import dev.frazil.ice.StunServer;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.SocketAddresses;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A STUN server of the days of RFC 3489 that sees all clients at one public address, as through a NAT. */
final class Mapper implements AutoCloseable {
  final List<TransportAddress> clients = new CopyOnWriteArrayList<>();
  private final DatagramSocket socket = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0));
  private final TransportAddress mapped;

  Mapper(TransportAddress mapped) throws IOException {
    this.mapped = mapped;
    Thread thread = new Thread(this::serve, "mapper");
    thread.setDaemon(true);
    thread.start();
  }

  StunServer server() {
    return new StunServer("127.0.0.1", socket.getLocalPort());
  }

  private void serve() {
    byte[] buffer = new byte[2000];
    while (!socket.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        socket.receive(packet);
        clients.add(SocketAddresses.toUdp((InetSocketAddress) packet.getSocketAddress(), 0));
        // success, MAPPED-ADDRESS of IPv4; the 16 bytes that RFC 3489 calls the transaction ID stay
        ByteBuffer answer = ByteBuffer.allocate(32);
        answer.putShort((short) 0x0101).putShort((short) 12).put(buffer, 4, 16);
        answer.putShort((short) 1).putShort((short) 8).putShort((short) 1);
        answer.putShort((short) mapped.port()).put(mapped.ip().toBytes());
        packet.setData(answer.array());
        socket.send(packet);
      } catch (IOException e) {
        return;
      }
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
