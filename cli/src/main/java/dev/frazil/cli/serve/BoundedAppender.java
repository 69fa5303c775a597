package dev.frazil.cli.serve;

import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.Appender;
import java.util.concurrent.atomic.AtomicLong;

/** Lets lines wait for a thread that writes them; when too many wait, further ones are dropped, and how many is told. */
final class BoundedAppender extends AsyncAppender {
  static final int MOST_WAITING = 8192;

  private final AtomicLong dropped = new AtomicLong();
  private final Logger logger;

  /** Starts at once. */
  BoundedAppender(LoggerContext context, Appender<ILoggingEvent> target) {
    setContext(context);
    setName("bounded");
    logger = context.getLogger("dev.frazil.server.Log");
    setQueueSize(MOST_WAITING);
    setDiscardingThreshold(0);
    setNeverBlock(true);
    addAppender(target);
    start();
  }

  @Override
  protected void append(ILoggingEvent event) {
    if (isStarted() && getRemainingCapacity() == 0) {
      dropped.incrementAndGet();
      return;
    }
    super.append(event);
    if (dropped.get() > 0 && getRemainingCapacity() > MOST_WAITING / 2) {
      long lines = dropped.getAndSet(0);
      if (lines > 0) {
        // Not through the logger: while it appends, it takes nothing from the same thread.
        super.append(new LoggingEvent(
            BoundedAppender.class.getName(),
            logger,
            Level.WARN,
            "event=log-dropped lines=" + lines,
            null,
            null));
      }
    }
  }
}
