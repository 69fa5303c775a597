package dev.frazil.cli;

import dev.frazil.ice.StunServer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the servers of the agent protocol's command line. */
final class ServerArgument {
  private static final String HOST = "(?:\\[(?<six>[0-9A-Fa-f:.]+)]|(?<host>[^:\\[\\]]+))";
  private static final Pattern STUN = Pattern.compile(HOST + ":(?<port>[0-9]{1,5})");
  private static final Pattern TURN = Pattern.compile(HOST
      + ":(?<port>[0-9]{1,5}):(?<user>[^:]+):(?<password>[^:]+)(?::(?<transport>udp|tcp|tls))?");

  private ServerArgument() {}

  /** {@code HOST:PORT}. */
  static final class Stun implements ITypeConverter<StunServer> {
    @Override
    public StunServer convert(String text) {
      Matcher matcher = STUN.matcher(text);
      if (!matcher.matches()) {
        throw new TypeConversionException(
            "\"" + text + "\": must be HOST:PORT, or [ADDRESS]:PORT for IPv6");
      }
      return server(matcher);
    }
  }

  /** {@code HOST:PORT:USER:PASS[:udp|tcp|tls]}, of which only the address is kept. */
  static final class Turn implements ITypeConverter<StunServer> {
    @Override
    public StunServer convert(String text) {
      Matcher matcher = TURN.matcher(text);
      if (!matcher.matches()) {
        throw new TypeConversionException(
            "(hidden): must be HOST:PORT:USER:PASS[:udp|tcp|tls], with [ADDRESS]:PORT for IPv6");
      }
      return server(matcher);
    }
  }

  private static StunServer server(Matcher matcher) {
    String host = matcher.group("six") == null ? matcher.group("host") : matcher.group("six");
    try {
      return new StunServer(host, Integer.parseInt(matcher.group("port")));
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}
