package dev.frazil.server;

import dev.frazil.server.ControlMessage.Answer;
import dev.frazil.server.ControlMessage.Command;
import dev.frazil.server.ControlMessage.Question;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.lang.System.Logger.Level;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Answers the server's owner over a socket in the file system that nobody else may use. One question after the other, each
 * with a time limit.
 */
final class ControlSocket implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(ControlSocket.class.getName());
  private static final int PATIENCE_SECONDS = 10;

  /** What is asked of a server. */
  interface Commands {
    CompletableFuture<List<ServerSession>> sessions();

    /** False when there is none of this number. */
    CompletableFuture<Boolean> end(long id);

    /** How many were ended. */
    CompletableFuture<Integer> endUser(String user);
  }

  private final Path path;
  private final ServerSocketChannel listener;
  private final Commands commands;
  private final ScheduledExecutorService clock;

  private ControlSocket(
      Path path, ServerSocketChannel listener, Commands commands, ScheduledExecutorService clock) {
    this.path = path;
    this.listener = listener;
    this.commands = commands;
    this.clock = clock;
  }

  /**
   * Starts to listen.
   *
   * @param clock ends what takes too long
   * @throws IOException when that can't be, or a server listens there already, naming the path
   */
  static ControlSocket open(Path path, Commands commands, ScheduledExecutorService clock)
      throws IOException {
    ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      bind(listener, path.toAbsolutePath());
    } catch (IOException | UnsupportedOperationException e) {
      listener.close();
      throw new IOException("control socket " + path + ": " + PlainErrors.of(e), e);
    }
    ControlSocket socket = new ControlSocket(path, listener, commands, clock);
    Thread thread = new Thread(socket::serve, "frazil-control");
    thread.setDaemon(true);
    thread.start();
    return socket;
  }

  /** Moves the socket to its place when its mode is set, so that nobody else gets in before. */
  private static void bind(ServerSocketChannel listener, Path path) throws IOException {
    Path folder = path.getParent();
    Files.createDirectories(
        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    if (isAnswered(path)) {
      throw new IOException("another server listens there");
    }
    Path hidden = Files.createTempDirectory(folder, ".");
    Path socket = hidden.resolve("s");
    try {
      listener.bind(UnixDomainSocketAddress.of(socket));
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
      Files.move(socket, path, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(socket);
      Files.delete(hidden);
    }
  }

  private static boolean isAnswered(Path path) {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      return channel.isConnected();
    } catch (IOException e) {
      return false; // left behind by a server that was killed, if there is anything
    }
  }

  private void serve() {
    while (listener.isOpen()) {
      try (SocketChannel channel = listener.accept()) {
        ScheduledFuture<?> limit =
            clock.schedule(() -> close(channel), PATIENCE_SECONDS, TimeUnit.SECONDS);
        answer(channel);
        limit.cancel(false);
      } catch (ClosedChannelException e) {
        LOGGER.log(Level.DEBUG, "the control socket, or a slow connection to it, was closed");
      } catch (IOException e) {
        LOGGER.log(Level.DEBUG, () -> "control socket: " + e.getMessage());
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      LOGGER.log(Level.DEBUG, () -> "control socket: " + e.getMessage());
    }
  }

  private void answer(SocketChannel channel) throws IOException, InterruptedException {
    BufferedReader in = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
    Writer out = Channels.newWriter(channel, StandardCharsets.UTF_8);
    Answer answer;
    try {
      answer = answer(ControlMessage.read(in, ControlMessage.LONGEST_QUESTION, Question.class));
    } catch (ClosedChannelException e) {
      throw e;
    } catch (IOException e) {
      answer = Answer.failed(String.valueOf(e.getMessage()));
    }
    ControlMessage.write(out, ControlMessage.line(answer));
  }

  private Answer answer(Question question) throws InterruptedException {
    Optional<Command> command = Arrays.stream(Command.values())
        .filter(each -> Names.of(each).equals(question.command()))
        .findFirst();
    if (command.isEmpty()) {
      return Answer.failed("there is no command '" + question.command() + "'; commands are "
          + Arrays.stream(Command.values()).map(Names::of).toList());
    }
    CompletableFuture<Answer> answer = switch (command.get()) {
      case SESSIONS -> commands.sessions().thenApply(all -> new Answer(null, 0, all));
      case END ->
        commands
            .end(question.id())
            .thenApply(ended -> ended
                ? new Answer(null, 1, null)
                : Answer.failed("there is no session " + question.id()));
      case END_USER ->
        question.user() == null
            ? CompletableFuture.completedFuture(Answer.failed("user: has to be given"))
            : commands.endUser(question.user()).thenApply(ended -> new Answer(null, ended, null));
    };
    try {
      return answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      return Answer.failed("the event loops do not answer");
    }
  }

  @Override
  public void close() {
    try {
      listener.close();
      Files.deleteIfExists(path);
    } catch (IOException e) {
      LOGGER.log(Level.DEBUG, () -> "control socket: " + e.getMessage());
    }
  }
}
