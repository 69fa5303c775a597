package dev.frazil.testkit;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A socket that remembers what it hears. */
final class Peer implements DatagramHandler {
  record Heard(TransportAddress from, String text, long at) {}

  final List<Heard> heard = new ArrayList<>();
  final List<FiveTuple> unreachable = new ArrayList<>();
  final VirtualSocket socket;

  Peer(Host host, String ip, int port) {
    socket = host.bind(TransportAddress.udp(ip, port), this);
  }

  TransportAddress local() {
    return socket.local();
  }

  boolean send(TransportAddress to, String text) {
    return socket.send(to, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  List<String> texts() {
    return heard.stream().map(Heard::text).toList();
  }

  /** Where the last datagram came from. */
  TransportAddress lastSender() {
    return heard.get(heard.size() - 1).from();
  }

  @Override
  public void handle(FiveTuple path, ByteBuffer payload, long now) {
    heard.add(new Heard(path.remote(), StandardCharsets.UTF_8.decode(payload).toString(), now));
  }

  @Override
  public void unreachable(FiveTuple path, long now) {
    unreachable.add(path);
  }
}
