package dev.frazil.cli;

import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.IceSession;
import java.io.OutputStream;
import java.util.List;

/** Loads and runs once what a peer needs, so that its first candidate does not wait for classes. Opens no socket. */
final class WarmUp {
  private WarmUp() {}

  static void run(IceRuntime runtime) {
    NatMatrix.run(NatMatrix.Router.NONE, NatMatrix.Router.NONE, 1);
    IceSession session =
        IceSession.builder(runtime).interfaces(List::of).onEvent(event -> {}).build();
    session.start();
    session.gathered().join();
    new PeerLines(OutputStream.nullOutputStream()).credentials(0, session.localParameters(0));
    session.close();
    session.closed().join();
    Instruction.parse("""
        {"type":"credentials","ufrag":"warm","pwd":"0123456789012345678901","options":["ice2"]}""");
  }
}
