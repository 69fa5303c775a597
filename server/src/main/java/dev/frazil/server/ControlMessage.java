package dev.frazil.server;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What goes over the control socket: a line of JSON each way. */
final class ControlMessage {
  private static final JsonMapper MAPPER = JsonMapper.builder()
      .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
      .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
      .build();

  /** A session's list is long, a question is not. */
  static final int LONGEST_QUESTION = 4096;

  static final int LONGEST_ANSWER = 256 * 1024 * 1024;

  /**
   * A question.
   *
   * @param command one of {@link Command}, by name
   * @param id of the session that is to end
   * @param user whose sessions are to end
   */
  record Question(
      @Nullable String command, long id, @Nullable String user) {}

  /**
   * An answer.
   *
   * @param error why there is no other one; null when there is
   * @param ended how many sessions were ended
   */
  record Answer(@Nullable String error, int ended, @Nullable List<ServerSession> sessions) {
    static Answer failed(String error) {
      return new Answer(error, 0, null);
    }
  }

  /** What can be asked. */
  enum Command {
    SESSIONS,
    END,
    END_USER
  }

  private ControlMessage() {}

  /** A message as it is sent. */
  static String line(Object message) {
    return MAPPER.writeValueAsString(message) + "\n";
  }

  static void write(Writer out, String line) throws IOException {
    out.write(line);
    out.flush();
  }

  /**
   * Reads one line.
   *
   * @throws IOException when there is none, or it is too long or something else
   */
  static <T> T read(BufferedReader in, int longest, Class<T> type) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0 || line.length() == longest) {
        throw new IOException(c < 0 ? "the other end hung up" : "the line is too long");
      }
      line.append((char) c);
    }
    try {
      T message = MAPPER.readValue(line.toString(), type);
      if (message == null) {
        throw new IOException("the line is no object");
      }
      return message;
    } catch (JacksonException e) {
      throw new IOException("the line is not understood: " + e.getOriginalMessage(), e);
    }
  }
}
