package dev.frazil.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.netty.channel.uring.IoUring;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class SocketsTest {
  @Test
  void epollIsChosenOnLinux() {
    Assumptions.assumeTrue(System.getProperty("os.name").equals("Linux"));
    Assumptions.assumeTrue(
        System.getProperty("os.arch").toLowerCase(Locale.ROOT).matches("amd64|x86_64"));
    try (IceRuntime runtime = IceRuntime.create()) {
      assertThat(runtime.transport()).isEqualTo(IoTransport.EPOLL);
    }
  }

  @Test
  void fallBackToTheJdksSocketsIsLogged() {
    List<String> log = new ArrayList<>();
    Logger logger = Logger.getLogger(Sockets.class.getName());
    Handler handler = new Handler() {
      @Override
      public void publish(LogRecord line) {
        log.add(line.getMessage());
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
    logger.addHandler(handler);
    try {
      Sockets sockets = Sockets.automatic(new UnsatisfiedLinkError("no such library"));

      assertThat(sockets.transport()).isEqualTo(IoTransport.NIO);
      assertThat(log).singleElement().asString().contains("epoll", "no such library");
    } finally {
      logger.removeHandler(handler);
    }
  }

  @Test
  void transportThatIsNamedButMissingIsRefused() {
    Assumptions.assumeFalse(IoUring.isAvailable());
    assertThatIllegalStateException()
        .isThrownBy(() -> IceRuntime.builder().transport(IoTransport.IO_URING).build())
        .withMessageContaining("IO_URING")
        .withCauseInstanceOf(Throwable.class);
  }
}
