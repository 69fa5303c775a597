package dev.frazil.cli.serve;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.slf4j.LoggerFactory;

/** Sets up the log of a server that runs. */
final class ServeLog {
  private ServeLog() {}

  /** Logs what a part of the program tells of its work, whatever else is silent. */
  static void tellOf(String name) {
    Logger logger = (Logger) LoggerFactory.getLogger(name);
    if (!logger.isInfoEnabled()) {
      logger.setLevel(Level.INFO);
    }
  }
}
