package dev.frazil.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class LineReaderTest {
  private static LineReader reader(String text) {
    return new LineReader(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void linesAreUtf8AndTheLastNeedsNoEnd() throws IOException {
    LineReader reader = reader("ä\n\nlast");
    assertThat(reader.next()).isEqualTo("ä");
    assertThat(reader.next()).isEmpty();
    assertThat(reader.next()).isEqualTo("last");
    assertThat(reader.next()).isNull();
  }

  @Test
  void longestLineIsReadAndALongerOneIsPassedOver() throws IOException {
    String longest = "x".repeat(LineReader.MAX_LENGTH);
    LineReader reader = reader(longest + "\n" + longest + "y\nnext\n");
    assertThat(reader.next()).isEqualTo(longest);
    assertThatThrownBy(reader::next).isInstanceOf(LineReader.LineTooLong.class);
    assertThat(reader.next()).isEqualTo("next");
    assertThat(reader.next()).isNull();
  }
}
