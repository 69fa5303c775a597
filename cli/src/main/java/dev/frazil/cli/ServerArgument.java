package dev.frazil.cli;

import dev.frazil.ice.IceConfiguration.TurnServer;
import dev.frazil.ice.StunServer;
import dev.frazil.net.Transport;
import dev.frazil.stun.LongTermCredential;
import java.util.function.Supplier;
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
      return checked(() -> new StunServer(host(matcher), port(matcher)));
    }
  }

  /** {@code HOST:PORT:USER:PASS[:udp|tcp|tls]}. */
  static final class Turn implements ITypeConverter<TurnServer> {
    @Override
    public TurnServer convert(String text) {
      Matcher matcher = TURN.matcher(text);
      if (!matcher.matches()) {
        throw new TypeConversionException(
            "(hidden): must be HOST:PORT:USER:PASS[:udp|tcp|tls], with [ADDRESS]:PORT for IPv6");
      }
      String transport = matcher.group("transport");
      boolean stream = transport != null && !transport.equals("udp");
      return checked(() -> new TurnServer(
          host(matcher),
          port(matcher),
          stream ? Transport.TCP : Transport.UDP,
          "tls".equals(transport),
          new LongTermCredential(matcher.group("user"), matcher.group("password"))));
    }
  }

  private static String host(Matcher matcher) {
    return matcher.group("six") == null ? matcher.group("host") : matcher.group("six");
  }

  private static int port(Matcher matcher) {
    return Integer.parseInt(matcher.group("port"));
  }

  private static <T> T checked(Supplier<T> server) {
    try {
      return server.get();
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}
