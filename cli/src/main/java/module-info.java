/** One command for people: demo, check, agent, serve. */
module dev.frazil.cli {
  requires dev.frazil.core;
  requires dev.frazil.netty;
  requires dev.frazil.server;
  requires dev.frazil.testkit;
  requires info.picocli;
  requires tools.jackson.databind;
  requires org.slf4j;
  requires ch.qos.logback.classic;
  requires ch.qos.logback.core;
  requires java.management;
  requires jdk.unsupported;
  requires static org.jspecify;

  opens dev.frazil.cli to
      info.picocli;
  opens dev.frazil.cli.serve to
      info.picocli;

  provides ch.qos.logback.classic.spi.Configurator with
      dev.frazil.cli.Logging;
}
