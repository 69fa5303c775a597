package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import io.netty.resolver.dns.SingletonDnsServerAddressStreamProvider;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A DNS server (RFC 1035) on the loopback interface, with one answer for each kind of question. */
final class NameServer implements AutoCloseable {
  private static final int A = 1;
  private static final int AAAA = 28;
  private static final int NAME_ERROR = 3;

  /** What is answered; null answers nothing. */
  interface Zone {
    @Nullable List<String> addresses(String name, boolean ipv6, int asked);
  }

  final List<String> questions = new CopyOnWriteArrayList<>();
  private final DatagramSocket socket = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0));
  private final Zone zone;

  NameServer(Zone zone) throws IOException {
    this.zone = zone;
    Thread thread = new Thread(this::serve, "name server");
    thread.setDaemon(true);
    thread.start();
  }

  DnsServerAddressStreamProvider provider() {
    return new SingletonDnsServerAddressStreamProvider(
        (InetSocketAddress) socket.getLocalSocketAddress());
  }

  int asked(String question) {
    return (int) questions.stream().filter(question::equals).count();
  }

  private void serve() {
    byte[] buffer = new byte[4096];
    while (!socket.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        socket.receive(packet);
        ByteBuffer answer = answer(ByteBuffer.wrap(buffer, 0, packet.getLength()));
        if (answer != null) {
          packet.setData(answer.array(), 0, answer.limit());
          socket.send(packet);
        }
      } catch (IOException e) {
        return;
      }
    }
  }

  private @Nullable ByteBuffer answer(ByteBuffer query) {
    short id = query.getShort(0);
    List<String> labels = new ArrayList<>();
    query.position(12);
    for (int length = query.get(); length > 0; length = query.get()) {
      byte[] label = new byte[length];
      query.get(label);
      labels.add(new String(label, StandardCharsets.US_ASCII));
    }
    int type = query.getShort();
    int end = query.position() + 2;
    String name = String.join(".", labels);
    String question = (type == AAAA ? "AAAA " : "A ") + name;
    questions.add(question);
    List<String> found = zone.addresses(name, type == AAAA, asked(question));
    if (found == null) {
      return null;
    }
    boolean exists = !found.contains("none");
    ByteBuffer out = ByteBuffer.allocate(4096);
    out.putShort(id).putShort((short) (0x8180 | (exists ? 0 : NAME_ERROR)));
    out.putShort((short) 1).putShort((short) (exists ? found.size() : 0)).putInt(0);
    out.put(query.array(), 12, end - 12);
    if (exists) {
      for (String address : found) {
        byte[] ip = IpAddress.parse(address).toBytes();
        out.putShort((short) 0xC00C).putShort((short) (ip.length == 4 ? A : AAAA));
        out.putShort((short) 1).putInt(60).putShort((short) ip.length).put(ip);
      }
    }
    return out.flip();
  }

  @Override
  public void close() {
    socket.close();
  }
}
