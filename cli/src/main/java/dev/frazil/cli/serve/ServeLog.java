package dev.frazil.cli.serve;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.FileAppender;
import ch.qos.logback.core.Layout;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import dev.frazil.server.LogSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.LoggerFactory;

/** The log of a server that runs: written by a thread of its own, so that a slow disk or pipe stops no event loop. */
final class ServeLog implements AutoCloseable {
  private static final String PATTERN =
      "%d{\"yyyy-MM-dd'T'HH:mm:ss.SSSXXX\"} %-5level %logger{0}: %msg%n";

  private final LoggerContext context;
  private final Logger root;
  private LogSettings settings;
  private BoundedAppender queue;

  private ServeLog(LogSettings settings) throws IOException {
    this.settings = settings;
    root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    context = root.getLoggerContext();
    queue = open();
  }

  /**
   * Lets the log go where the settings say.
   *
   * @throws IOException when the file can't be written
   */
  static ServeLog start(LogSettings settings) throws IOException {
    return new ServeLog(settings);
  }

  /** Goes on as other settings say, in a file that is opened anew: what logrotate asks for. */
  void reopen(LogSettings other) throws IOException {
    BoundedAppender before = queue;
    settings = other;
    queue = open();
    before.stop(); // writes what waits there
  }

  private BoundedAppender open() throws IOException {
    OutputStreamAppender<ILoggingEvent> target = target();
    target.setContext(context);
    LayoutWrappingEncoder<ILoggingEvent> encoder = new LayoutWrappingEncoder<>();
    encoder.setContext(context);
    encoder.setLayout(layout());
    encoder.start();
    target.setEncoder(encoder);
    target.start();
    BoundedAppender bounded = new BoundedAppender(context, target);
    root.detachAndStopAllAppenders();
    root.addAppender(bounded);
    setLevel();
    return bounded;
  }

  private OutputStreamAppender<ILoggingEvent> target() throws IOException {
    if (settings.file().isEmpty()) {
      ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
      console.setTarget("System.err");
      return console;
    }
    Path path = settings.file().get();
    try {
      Files.newOutputStream(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND)
          .close();
    } catch (IOException e) {
      throw new IOException("log file " + path + ": can't be written: " + e.getMessage(), e);
    }
    FileAppender<ILoggingEvent> file = new FileAppender<>();
    file.setFile(path.toString());
    return file;
  }

  private Layout<ILoggingEvent> layout() {
    if (settings.json()) {
      JsonLayout layout = new JsonLayout();
      layout.setContext(context);
      layout.start();
      return layout;
    }
    PatternLayout layout = new PatternLayout();
    layout.setContext(context);
    layout.setPattern(PATTERN);
    layout.start();
    return layout;
  }

  /** What the server tells of its work is told, whatever else is silent. */
  private void setLevel() {
    Logger server = context.getLogger("dev.frazil.server");
    if (settings.level().isPresent()) {
      context
          .getLogger("dev.frazil")
          .setLevel(Level.toLevel(settings.level().get().getName()));
    } else if (!server.isInfoEnabled()) {
      server.setLevel(Level.INFO);
    }
  }

  /** Writes what waits, for a second at most. */
  @Override
  public void close() {
    queue.stop();
  }
}
