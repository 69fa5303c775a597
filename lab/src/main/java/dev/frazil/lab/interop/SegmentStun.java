package dev.frazil.lab.interop;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.StunService;
import java.io.IOException;
import java.io.OutputStream;
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
      lines.print("hello", line -> line.put("driver", "frazil-stun"));
      System.in.transferTo(OutputStream.nullOutputStream());
    }
  }
}
