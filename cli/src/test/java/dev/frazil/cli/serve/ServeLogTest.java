package dev.frazil.cli.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.AppenderBase;
import dev.frazil.server.LogSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ServeLogTest {
  @TempDir
  private Path folder;

  private static ILoggingEvent event(LoggerContext context, String message) {
    return new LoggingEvent(
        "", context.getLogger("dev.frazil.server.EventLog"), Level.INFO, message, null, null);
  }

  @Test
  void lineOfKeysAndValuesBecomesAnObject() {
    JsonLayout layout = new JsonLayout();
    JsonNode line = new JsonMapper()
        .readTree(layout.doLayout(event(
            new LoggerContext(),
            "event=allocation-created id=7 user=\"a b\\u{22}\" client=::/48")));
    assertThat(line.get("time").asString()).endsWith("Z");
    assertThat(line.get("level").asString()).isEqualTo("info");
    assertThat(line.get("logger").asString()).isEqualTo("EventLog");
    assertThat(line.get("event").asString()).isEqualTo("allocation-created");
    assertThat(line.get("id").asLong()).isEqualTo(7);
    assertThat(line.get("user").asString()).isEqualTo("a b\\u{22}");
    assertThat(line.get("client").asString()).isEqualTo("::/48");
    assertThat(line.has("message")).isFalse();
  }

  @Test
  void otherLinesAreMessages() {
    assertThat(JsonLayout.members("the old settings stay: x=1")).isNull();
    assertThat(JsonLayout.members("event=a and more")).isNull();
    assertThat(JsonLayout.members("")).isNull();
    assertThat(JsonLayout.members("event=a n=1")).isEqualTo(Map.of("event", "a", "n", 1L));
  }

  @Test
  void whatASlowWriterCannotTakeIsDroppedAndCounted() throws Exception {
    LoggerContext context = new LoggerContext();
    context.setMDCAdapter(new LogbackMDCAdapter());
    CountDownLatch slow = new CountDownLatch(1);
    List<String> written = new CopyOnWriteArrayList<>();
    AppenderBase<ILoggingEvent> writer = new AppenderBase<>() {
      @Override
      protected void append(ILoggingEvent event) {
        try {
          slow.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
        written.add(event.getFormattedMessage());
      }
    };
    writer.setContext(context);
    writer.start();
    BoundedAppender appender = new BoundedAppender(context, writer);
    Logger logger = context.getLogger("dev.frazil.server.EventLog");
    logger.addAppender(appender);
    int lines = 3 * BoundedAppender.MOST_WAITING; // the writer may hold as many as wait
    for (int i = 0; i < lines; i++) {
      logger.info("line"); // which does not block, or the test would never end
    }
    slow.countDown();
    while (appender.getNumberOfElementsInQueue() > 0) {
      Thread.onSpinWait();
    }
    logger.info("last");
    appender.stop();
    String told = written.stream()
        .filter(line -> line.startsWith("event=log-dropped"))
        .findFirst()
        .orElse("none");
    long dropped = Long.parseLong(told.substring(told.lastIndexOf('=') + 1));
    assertThat(dropped).isPositive();
    assertThat(written.stream().filter("line"::equals).count() + dropped).isEqualTo(lines);
    assertThat(written).contains("last");
  }

  @Test
  void fileThatCannotBeWrittenIsSaid() {
    LogSettings settings =
        new LogSettings(Optional.of(folder.resolve("none/log")), false, Optional.empty());
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> ServeLog.start(settings))
        .withMessageContaining("log file " + folder.resolve("none/log"));
    assertThat(Files.exists(folder.resolve("none"))).isFalse();
  }
}
