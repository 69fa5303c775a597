package dev.frazil.lab.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnClient;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class TurnClientExampleTest {
  private static final Pattern SNIPPET =
      Pattern.compile("<pre>\\{@code\\n(.*?)\\}</pre>", Pattern.DOTALL);

  /** What the documentation of {@link TurnClient} shows; it is compiled here, for a server that is nowhere. */
  static void relay(IceRuntime runtime, TransportAddress peer, byte[] hello) throws Exception {
    // begin README
    TurnClient client = TurnClient.builder(runtime, "turns:turn.example.org")
        .credential("user", "password")
        .onData(
            (from, payload) -> System.out.println(from + " sent " + payload.remaining() + " bytes"))
        .open();
    TurnClient.Allocation allocation = client.allocated().get();
    client.permit(List.of(peer)).get(); // what allocation.relayed() is, the peer has to learn
    client.send(peer, ByteBuffer.wrap(hello));
    // end README
  }

  @Test
  void documentationShowsWhatIsCompiledHere() throws IOException {
    Path root = Path.of(".."); // of the module that the test runs in
    Matcher shown = SNIPPET.matcher(
        Files.readString(root.resolve("netty/src/main/java/dev/frazil/netty/TurnClient.java")));
    assertThat(shown.find()).isTrue();
    String compiled = Snippets.part(
        root.resolve("lab/src/test/java/dev/frazil/lab/docs/TurnClientExampleTest.java"));
    assertThat(shown.group(1).replaceAll("(?m)^ \\*", "")).isEqualToIgnoringWhitespace(compiled);
  }
}
