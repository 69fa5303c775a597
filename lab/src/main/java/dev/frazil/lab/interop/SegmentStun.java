package dev.frazil.lab.interop;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.StunService;
import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.List;

/** The STUN server on the segment of a test network: says hello when it answers, ends with its standard input. */
final class SegmentStun {
  static final int PORT = 3478;

  private SegmentStun() {}

  public static void main(String[] args) throws IOException {
    PeerLines lines = new PeerLines();
    try (IceRuntime runtime = IceRuntime.builder().eventLoops(1).build()) {
      for (String any : List.of("0.0.0.0", "::")) {
        StunService.start(runtime, TransportAddress.udp(any, PORT)).join();
      }
      awaitAnswer(InetAddress.getLoopbackAddress());
      lines.print("hello", line -> line.put("driver", "frazil-stun"));
      System.in.transferTo(OutputStream.nullOutputStream());
    }
  }

  /** Asks a server once itself, so that its first client does not wait for classes to be loaded. */
  private static void awaitAnswer(InetAddress server) throws IOException {
    ByteBuffer request =
        ByteBuffer.allocate(20).putInt(0x0001_0000).putInt(0x2112_A442).clear();
    try (DatagramSocket client = new DatagramSocket()) {
      client.connect(new InetSocketAddress(server, PORT));
      client.send(new DatagramPacket(request.array(), request.capacity()));
      client.receive(new DatagramPacket(new byte[548], 548));
    }
  }
}
