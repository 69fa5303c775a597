package dev.frazil.server;

import dev.frazil.net.IpPrefix;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IoTransport;
import dev.frazil.netty.TurnListener;
import dev.frazil.stun.LongTermCredential;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A configuration while it is collected, value by value; with the defaults. */
final class Draft {
  /** RFC 8489 18.5: of STUN and TURN. */
  static final int DEFAULT_PORT = 3478;

  private static final int MOST_DEFAULT_THREADS = 16;
  private static final int DEFAULT_TLS_PORT = 5349;

  /** RFC 8656 5: an hour. */
  static final int LONGEST_NONCE = 3600;

  /** As coturn's exporter has. */
  private static final int DEFAULT_METRICS_PORT = 9641;

  private static final String LOOPBACK = "127.0.0.1";
  private static final int LONGEST_LIFETIME = 86_400;
  private static final int MD5_LENGTH = 16;

  final List<TransportAddress> listen = new ArrayList<>();
  final List<IpPrefix> proxies = new ArrayList<>();
  final Set<TurnListener.Kind> transports = EnumSet.noneOf(TurnListener.Kind.class);
  final OauthKeys oauthKeys = new OauthKeys(InstantSource.system());
  final RelayAddresses relay = new RelayAddresses();
  final PeerRules peers = new PeerRules();
  final Map<String, LongTermCredential> users = new LinkedHashMap<>();
  final Map<String, byte[]> userKeys = new LinkedHashMap<>();
  final List<String> secrets = new ArrayList<>();
  boolean oldChannelNumbers;
  boolean noOldStun;
  boolean mobility;
  boolean tcpRelay;
  int tlsPort = DEFAULT_TLS_PORT;
  int allocations = 10_000;
  int allocationsPerUser = 100;
  long bandwidth;
  long bandwidthPerUser;
  int refusalsPerSource = 50;
  int nonceLifetime = LONGEST_NONCE;
  int longestLifetime = 3600; // RFC 8656 3.2
  int threads = Math.min(MOST_DEFAULT_THREADS, Runtime.getRuntime().availableProcessors());
  IoTransport engine = IoTransport.AUTO;
  int drain = 60;
  int batching = 300;
  int statistics = 60;
  String software = "frazil";

  @Nullable Path certificate;

  @Nullable Path key;

  @Nullable String oauthServerName;

  @Nullable TransportAddress alternate;

  @Nullable TransportAddress metrics;

  @Nullable Path control;

  @Nullable Path logFile;

  boolean jsonLog;

  @Nullable Level logLevel;

  boolean noControl;

  @Nullable String realm;

  @Nullable String host;

  boolean stunOnly;
  boolean fullAddresses;

  void listen(String text) {
    listen.add(SettingText.endpoint(text, DEFAULT_PORT));
  }

  void transport(String text) {
    transports.add(Arrays.stream(TurnListener.Kind.values())
        .filter(kind -> Names.of(kind).equals(text))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("'" + text + "': has to be one of "
            + Arrays.stream(TurnListener.Kind.values()).map(Names::of).toList())));
  }

  void proxy(String text) {
    try {
      proxies.add(IpPrefix.parse(text));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("'" + text + "': " + e.getMessage(), e);
    }
  }

  void engine(String text) {
    engine = Arrays.stream(IoTransport.values())
        .filter(each -> Names.of(each).equals(text))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("'" + text + "': has to be one of "
            + Arrays.stream(IoTransport.values()).map(Names::of).toList()));
  }

  void metrics(String text) {
    boolean portAlone = !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    metrics = portAlone
        ? TransportAddress.udp(LOOPBACK, SettingText.port(text))
        : SettingText.endpoint(text, DEFAULT_METRICS_PORT);
  }

  void logFile(String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException("must not be empty");
    }
    logFile = Path.of(text);
  }

  void logFormat(String text) {
    jsonLog = switch (text) {
      case "text" -> false;
      case "json" -> true;
      default -> throw new IllegalArgumentException("'" + text + "': has to be text or json");
    };
  }

  void logLevel(String text) {
    logLevel = switch (text) {
      case "error" -> Level.ERROR;
      case "warning" -> Level.WARNING;
      case "info" -> Level.INFO;
      case "debug" -> Level.DEBUG;
      default ->
        throw new IllegalArgumentException(
            "'" + text + "': has to be error, warning, info or debug");
    };
  }

  void control(String text) {
    noControl = text.equals("off");
    control = noControl ? null : Path.of(text);
  }

  void user(String text) {
    String[] parts = SettingText.pair(text, "NAME:PASSWORD");
    LongTermCredential user = new LongTermCredential(parts[0], parts[1]);
    requireNew(user.username());
    users.put(user.username(), user);
  }

  void userKey(String text) {
    String[] parts = SettingText.pair(text, "NAME:KEY");
    byte[] key = SettingText.hex(parts[1]);
    if (key.length != MD5_LENGTH) {
      throw new IllegalArgumentException("the key of '" + parts[0]
          + "' has to be 32 hexadecimal digits: the MD5 of NAME:REALM:PASSWORD");
    }
    requireNew(parts[0]);
    userKeys.put(parts[0], key);
  }

  private void requireNew(String username) {
    if (users.containsKey(username) || userKeys.containsKey(username)) {
      throw new IllegalArgumentException("'" + username + "' is given twice");
    }
  }

  void secret(String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException("must not be empty");
    }
    secrets.add(text);
  }

  void nonceLifetime(String text) {
    nonceLifetime = (int) SettingText.number(text, 1, LONGEST_NONCE);
  }

  void longestLifetime(String text) {
    longestLifetime = (int) SettingText.number(text, 600, LONGEST_LIFETIME);
  }

  void batching(String text) {
    batching = (int) SettingText.number(text, 0, 10_000);
  }

  static long bytes(String text) {
    return SettingText.number(text, 0, Long.MAX_VALUE);
  }
}
