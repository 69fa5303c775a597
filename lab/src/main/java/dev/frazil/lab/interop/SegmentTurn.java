package dev.frazil.lab.interop;

import dev.frazil.net.IpAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnListener;
import dev.frazil.netty.TurnService;
import dev.frazil.netty.TurnServiceSettings;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;

/**
 * The TURN server on the segment of a test network, over UDP and TCP: says hello when it listens, ends with its standard
 * input.
 */
final class SegmentTurn {
  static final String USER = "user";
  static final String PASSWORD = "pass";

  private SegmentTurn() {}

  public static void main(String[] args) throws IOException {
    PeerLines lines = new PeerLines();
    String here = TestNetwork.server4();
    try (IceRuntime runtime = IceRuntime.builder().eventLoops(1).build()) {
      TurnService.start(
              runtime,
              TurnServiceSettings.builder(SegmentTurn::configure)
                  .listen(TurnListener.Kind.UDP, here, SegmentStun.PORT)
                  .listen(TurnListener.Kind.TCP, here, SegmentStun.PORT)
                  .build(),
              event -> {})
          .join();
      SegmentStun.awaitAnswer(InetAddress.getByName(here));
      lines.print("hello", line -> line.put("driver", "frazil-turn"));
      System.in.transferTo(OutputStream.nullOutputStream());
    }
  }

  private static void configure(TurnServerConfiguration.Builder settings) {
    LongTermCredential user = new LongTermCredential(USER, PASSWORD);
    settings
        .relay(Relay.of(IpAddress.parse(TestNetwork.server4())))
        .realm(
            "example.org",
            (name, realm, algorithm) -> name.equals(USER) ? user.key(realm, algorithm) : null);
  }
}
