package dev.frazil.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Reads lines of UTF-8 and never keeps more than the longest allowed one. */
final class LineReader {
  /** The longest line in bytes, without its end. */
  static final int MAX_LENGTH = 64 * 1024;

  /** A line was longer than {@link #MAX_LENGTH}. It has been passed over; the next one can be read. */
  static final class LineTooLong extends IOException {
    LineTooLong() {
      super("a line is longer than " + MAX_LENGTH + " bytes, ignored");
    }
  }

  private final InputStream in;

  /** A reader of a stream that is buffered already. */
  LineReader(InputStream in) {
    this.in = in;
  }

  /** The next line, null at the end of the stream. */
  @Nullable String next() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream(256);
    int length = 0;
    int next = in.read();
    if (next < 0) {
      return null;
    }
    for (; next >= 0 && next != '\n'; next = in.read()) {
      if (++length <= MAX_LENGTH) {
        line.write(next);
      }
    }
    if (length > MAX_LENGTH) {
      throw new LineTooLong();
    }
    return line.toString(StandardCharsets.UTF_8);
  }
}
