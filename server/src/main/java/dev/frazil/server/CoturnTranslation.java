package dev.frazil.server;

import dev.frazil.netty.TurnListener;
import dev.frazil.server.CoturnFile.Line;
import dev.frazil.server.Settings.Value;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes settings of a {@code turnserver.conf}. What is meant otherwise there, or has no effect here, is noted: file, line,
 * option and why.
 */
final class CoturnTranslation {
  private static final String UNLIMITED = Integer.toString(Integer.MAX_VALUE);
  private static final String DEFAULT_PORT = Integer.toString(Draft.DEFAULT_PORT);

  private static final String COTURNS_METRICS_PORT = "9641";

  private record Range(AddressRange addresses, Line line) {}

  private final Path file;
  private final Map<Setting, List<Value>> values = new EnumMap<>(Setting.class);
  private final List<String> notes = new ArrayList<>();
  private final List<Line> listeningIps = new ArrayList<>();
  private final Map<String, Line> switchedOff = new LinkedHashMap<>();
  private final List<Range> allowed = new ArrayList<>();
  private final List<Range> denied = new ArrayList<>();
  private @Nullable Line listeningPort;
  private @Nullable Line altListeningPort;
  private boolean noDiscovery;
  private @Nullable Line minPort;
  private @Nullable Line maxPort;
  private boolean noTcpRelay;
  private @Nullable Line prometheus;
  private @Nullable Line prometheusPort;
  private @Nullable Line useAuthSecret;
  private @Nullable Line noAuth;

  private CoturnTranslation(Path file) {
    this.file = file;
  }

  /** Reads a file into settings. */
  static void readInto(Settings settings, Path file) throws IOException, ConfigurationException {
    CoturnTranslation translation = new CoturnTranslation(file);
    for (Line line : CoturnFile.read(file)) {
      translation.take(line);
    }
    translation.finish();
    translation.values.forEach(settings::put);
    translation.notes.forEach(settings::note);
  }

  private void take(Line line) throws ConfigurationException {
    CoturnOption option = CoturnOption.of(line.name());
    if (option == null) {
      note(line, "coturn has no such option");
      return;
    }
    try {
      if (option.taker() != null) {
        option.taker().take(this, line);
      } else if (!option.why().isEmpty()) {
        note(line, "has no effect: " + option.why());
      }
    } catch (IllegalArgumentException e) {
      throw wrong(line, String.valueOf(e.getMessage()));
    }
  }

  private void note(Line line, String text) {
    notes.add(line.place() + ": " + text);
  }

  private static ConfigurationException wrong(Line line, String rule) {
    return new ConfigurationException(line.place() + ": " + rule);
  }

  void add(Setting setting, Line line, String text) {
    values.computeIfAbsent(setting, any -> new ArrayList<>()).add(new Value(text, line.place()));
  }

  private void set(Setting setting, Line line, String text) {
    values.remove(setting); // of options that stand alone the last counts
    add(setting, line, text);
  }

  void listeningIp(Line line) {
    listeningIps.add(line);
  }

  void listeningPort(Line line) {
    SettingText.port(line.value());
    listeningPort = line;
  }

  void altListeningPort(Line line) {
    SettingText.number(line.value(), 0, 65_535);
    altListeningPort = line;
  }

  void noRfc5780(Line line) throws ConfigurationException {
    noDiscovery = line.isOn();
  }

  void rfc5780(Line line) throws ConfigurationException {
    noDiscovery = !line.isOn();
  }

  void auxServer(Line line) {
    add(Setting.LISTEN, line, line.value());
  }

  void cert(Line line) {
    set(Setting.CERT, line, file.resolveSibling(line.value()).toString());
  }

  void pkey(Line line) {
    set(Setting.KEY, line, file.resolveSibling(line.value()).toString());
  }

  void noTransport(Line line) throws ConfigurationException {
    if (line.isOn()) {
      switchedOff.put(line.name().substring("no-".length()), line);
    }
  }

  void noTcpRelay(Line line) throws ConfigurationException {
    noTcpRelay = line.isOn();
  }

  void minPort(Line line) {
    minPort = line;
  }

  void maxPort(Line line) {
    maxPort = line;
  }

  void user(Line line) {
    String key = line.value().substring(line.value().indexOf(':') + 1);
    add(key.startsWith("0x") ? Setting.USER_KEY : Setting.USER, line, line.value());
  }

  void prometheus(Line line) throws ConfigurationException {
    prometheus = line.isOn() ? line : null;
  }

  void prometheusPort(Line line) {
    SettingText.port(line.value());
    prometheusPort = line;
  }

  /** To coturn 0 is one thread for all. */
  void relayThreads(Line line) {
    set(Setting.THREADS, line, line.value().equals("0") ? "1" : line.value());
  }

  void logFile(Line line) {
    if (Set.of("stdout", "-", "syslog").contains(line.value())) {
      note(line, "the log goes to standard error, which systemd hands to its journal");
    } else {
      set(Setting.LOG_FILE, line, line.value());
    }
  }

  void verbose(Line line) throws ConfigurationException {
    if (line.isOn()) {
      set(Setting.LOG_LEVEL, line, "debug");
    }
  }

  void useAuthSecret(Line line) throws ConfigurationException {
    useAuthSecret = line.isOn() ? line : null;
  }

  void noAuth(Line line) throws ConfigurationException {
    noAuth = line.isOn() ? line : null;
  }

  void userQuota(Line line) {
    set(Setting.ALLOCATIONS_PER_USER, line, quota(line));
  }

  void totalQuota(Line line) {
    set(Setting.ALLOCATIONS, line, quota(line));
  }

  /** To coturn 0 is no limit. */
  private static String quota(Line line) {
    return SettingText.count(line.value()) == 0 ? UNLIMITED : line.value();
  }

  void maxBps(Line line) {
    set(Setting.BANDWIDTH_PER_USER, line, bothWays(line));
    if (!line.value().equals("0")) {
      note(line, "holds for all sessions of a user together, not for each");
    }
  }

  void bpsCapacity(Line line) {
    set(Setting.BANDWIDTH, line, bothWays(line));
  }

  /** coturn counts what comes in and what goes out separately. */
  private static String bothWays(Line line) {
    return Long.toString(2 * SettingText.number(line.value(), 0, Long.MAX_VALUE / 2));
  }

  void allowedPeer(Line line) {
    allowed.add(new Range(AddressRange.parse(line.value()), line));
  }

  void deniedPeer(Line line) {
    denied.add(new Range(AddressRange.parse(line.value()), line));
  }

  void staleNonce(Line line) {
    long seconds = line.value().isEmpty() ? 600 : SettingText.number(line.value(), 0, 1 << 30);
    long most = Draft.LONGEST_NONCE;
    set(Setting.NONCE_LIFETIME, line, Long.toString(seconds == 0 ? most : Math.min(seconds, most)));
    if (seconds == 0 || seconds > most) {
      note(line, "is an hour, the longest that RFC 8656 5 allows");
    }
  }

  void noSoftware(Line line) throws ConfigurationException {
    if (line.isOn()) {
      set(Setting.SOFTWARE, line, "");
    }
  }

  void defaultFamily(Line line) {
    if (!line.value().equals("ipv4")) {
      note(line, "has no effect: clients that name no family get IPv4 (RFC 8656 7.2)");
    }
  }

  private void finish() throws ConfigurationException {
    finishListening();
    finishDiscovery();
    finishTransports();
    finishPorts();
    finishPeers();
    finishMetrics();
    finishUsers();
    // coturn takes all channel numbers of RFC 5766, and so may its users.
    values.put(Setting.OLD_CHANNEL_NUMBERS, List.of(new Value("true", file.toString())));
    values.put(
        Setting.TCP_RELAY, List.of(new Value(Boolean.toString(!noTcpRelay), file.toString())));
    noteLimits();
  }

  private void finishListening() {
    String port = listeningPort == null ? DEFAULT_PORT : listeningPort.value();
    for (Line line : listeningIps) {
      add(Setting.LISTEN, line, bracketed(line.value()) + ":" + port);
    }
    if (listeningIps.isEmpty() && listeningPort != null) {
      add(Setting.LISTEN, listeningPort, "0.0.0.0:" + port);
      add(Setting.LISTEN, listeningPort, "[::]:" + port);
    } else if (listeningIps.isEmpty() && values.containsKey(Setting.LISTEN)) {
      Value aux = values.get(Setting.LISTEN).get(0);
      values.get(Setting.LISTEN).add(new Value("0.0.0.0", aux.origin()));
      values.get(Setting.LISTEN).add(new Value("::", aux.origin()));
    }
  }

  /** coturn serves NAT behaviour discovery where it listens on two addresses of a family. */
  private void finishDiscovery() {
    Line second = secondListeningIp();
    if (second != null && !noDiscovery && !switchedOff.containsKey("udp")) {
      String port = listeningPort == null ? DEFAULT_PORT : listeningPort.value();
      String alternate = altListeningPort == null || altListeningPort.value().equals("0")
          ? Integer.toString(Integer.parseInt(port) + 1)
          : altListeningPort.value();
      add(Setting.ALTERNATE, second, bracketed(second.value()) + ":" + alternate);
    } else if (altListeningPort != null) {
      note(
          altListeningPort,
          "has no effect: NAT behaviour discovery needs UDP, two addresses of a family by listening-ip, and no "
              + "no-rfc5780");
    }
  }

  private @Nullable Line secondListeningIp() {
    Map<Boolean, Line> first = new LinkedHashMap<>();
    for (Line line : listeningIps) {
      Line other = first.putIfAbsent(line.value().indexOf(':') >= 0, line);
      if (other != null && !other.value().equals(line.value())) {
        return line;
      }
    }
    return null;
  }

  private static String bracketed(String ip) {
    return ip.indexOf(':') < 0 ? ip : "[" + ip + "]";
  }

  private void finishTransports() throws ConfigurationException {
    Line last = null;
    for (Line line : switchedOff.values()) {
      last = line;
    }
    if (last == null) {
      return;
    }
    boolean secure = values.containsKey(Setting.CERT);
    for (TurnListener.Kind kind : TurnListener.Kind.values()) {
      if (!switchedOff.containsKey(Names.of(kind)) && (secure || !kind.isSecure())) {
        add(Setting.TRANSPORT, last, Names.of(kind));
      }
    }
    if (!values.containsKey(Setting.TRANSPORT)) {
      throw wrong(last, "leaves no transport to clients");
    }
  }

  private void finishPorts() {
    Line line = minPort == null ? maxPort : minPort;
    if (line != null) {
      String first = minPort == null ? "49152" : minPort.value();
      String last = maxPort == null ? "65535" : maxPort.value();
      set(Setting.PORTS, line, first + "-" + last);
    }
  }

  /** coturn allows what is both allowed and denied; here the longest prefix decides, so the denied give way. */
  private void finishPeers() {
    for (Range range : allowed) {
      range.addresses().prefixes().forEach(prefix -> add(Setting.ALLOW, range.line(), prefix));
    }
    for (Range range : denied) {
      List<AddressRange> left = List.of(range.addresses());
      for (Range other : allowed) {
        left = left.stream()
            .flatMap(part -> part.without(other.addresses()).stream())
            .toList();
      }
      left.stream()
          .flatMap(part -> part.prefixes().stream())
          .forEach(prefix -> add(Setting.DENY, range.line(), prefix));
    }
  }

  private void finishMetrics() {
    String port = prometheusPort == null ? COTURNS_METRICS_PORT : prometheusPort.value();
    if (prometheus != null) {
      add(Setting.METRICS, prometheus, port);
      note(
          prometheus,
          "metrics are told at 127.0.0.1:" + port + " alone; --metrics 0.0.0.0:" + port
              + " tells them to everybody, as coturn does, and their names differ");
    } else if (prometheusPort != null) {
      note(prometheusPort, "has no effect without prometheus");
    }
  }

  private void finishUsers() throws ConfigurationException {
    if (noAuth != null && !isOn(Setting.STUN_ONLY)) {
      throw wrong(
          noAuth,
          "is refused: everybody could relay in the name of this host. Name users or a secret, or set "
              + "stun-only");
    } else if (useAuthSecret != null && !values.containsKey(Setting.SECRET)) {
      note(useAuthSecret, "has no effect without static-auth-secret: no database is read");
    }
  }

  private boolean isOn(Setting flag) {
    return values.getOrDefault(flag, List.of()).stream()
        .anyMatch(value -> Boolean.parseBoolean(value.text()));
  }

  /** Without a line of their own: what coturn would not have limited. */
  private void noteLimits() {
    if (!values.containsKey(Setting.ALLOCATIONS_PER_USER)) {
      notes.add(file
          + ": user-quota: is not there, so that a user may have 100 allocations; coturn has no limit, and "
          + "user-quota=0 says so here, too");
    }
    if (!values.containsKey(Setting.ALLOCATIONS)) {
      notes.add(
          file
              + ": total-quota: is not there, so that there may be 10000 allocations; total-quota=0 lifts that");
    }
    if (!values.containsKey(Setting.ALLOW)) {
      notes.add(file
          + ": allowed-peer-ip: is not there, so that private addresses are no peers; coturn lets them be "
          + "reached unless denied");
    }
  }
}
