package dev.frazil.server;

import dev.frazil.server.ControlMessage.Answer;
import dev.frazil.server.ControlMessage.Command;
import dev.frazil.server.ControlMessage.Question;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Asks a running server on this host, over the socket that belongs to its owner. Each method connects anew, and waits. */
public final class ServerControl {
  private static final String SOCKET = "control.sock";
  private static final Path SYSTEM = Path.of("/run/frazil", SOCKET);

  private final Path socket;

  /** Where a server listens. */
  public ServerControl(Path socket) {
    this.socket = socket;
  }

  /**
   * Where a server listens that was not told: in the directory that systemd gave it, else in that of the user's session,
   * else in {@code /run/frazil}.
   *
   * @param environment the process's variables: {@code RUNTIME_DIRECTORY} and {@code XDG_RUNTIME_DIR}
   */
  public static Path defaultSocket(Map<String, String> environment) {
    return places(environment).get(0);
  }

  /** Where a server seems to listen that was not told where: the first of those places that exists, else the first. */
  public static Path findSocket(Map<String, String> environment) {
    List<Path> places = places(environment);
    return places.stream().filter(Files::exists).findFirst().orElse(places.get(0));
  }

  private static List<Path> places(Map<String, String> environment) {
    List<Path> places = new ArrayList<>(3);
    @Nullable String runtime = environment.get("RUNTIME_DIRECTORY");
    if (runtime != null && !runtime.isEmpty()) {
      places.add(Path.of(runtime.split(":", 2)[0], SOCKET));
    }
    @Nullable String session = environment.get("XDG_RUNTIME_DIR");
    if (session != null && !session.isEmpty()) {
      places.add(Path.of(session, "frazil", SOCKET));
    }
    places.add(SYSTEM);
    return places;
  }

  /**
   * The server's allocations, of each event loop the oldest first.
   *
   * @throws IOException when no server answers, saying what to look at
   */
  public List<ServerSession> sessions() throws IOException {
    Answer answer = ask(Command.SESSIONS, 0, null);
    return Objects.requireNonNullElse(answer.sessions(), List.of());
  }

  /**
   * Ends an allocation.
   *
   * @throws IOException when there is none of this number, or no server answers
   */
  public void end(long id) throws IOException {
    ask(Command.END, id, null);
  }

  /**
   * Ends all allocations of a user, who may be named with or without the time that credentials of a secret begin with.
   *
   * @return how many there were
   * @throws IOException when no server answers
   */
  public int endUser(String user) throws IOException {
    return ask(Command.END_USER, 0, user).ended();
  }

  private Answer ask(Command command, long id, @Nullable String user) throws IOException {
    // Made before there is a connection, on which the server's patience counts.
    String question = ControlMessage.line(new Question(Names.of(command), id, user));
    try (SocketChannel channel = connect()) {
      Writer out = Channels.newWriter(channel, StandardCharsets.UTF_8);
      ControlMessage.write(out, question);
      BufferedReader in = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
      Answer answer = ControlMessage.read(in, ControlMessage.LONGEST_ANSWER, Answer.class);
      if (answer.error() != null) {
        throw new IOException(answer.error());
      }
      return answer;
    }
  }

  private SocketChannel connect() throws IOException {
    if (!Files.exists(socket)) {
      throw new IOException("no server listens at " + socket
          + ": is one running? If it was told --control, tell the same here");
    }
    try {
      return SocketChannel.open(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      throw new IOException(
          "no server answers at " + socket + " (" + e.getMessage()
              + "): the server's user and root may ask, while it runs",
          e);
    }
  }
}
