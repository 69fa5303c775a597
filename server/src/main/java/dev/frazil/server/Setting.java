package dev.frazil.server;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What the server can be told, by a file or by flags: each once, with the words that explain it. */
public enum Setting {
  LISTEN(
      Section.LISTENING,
      Kind.TEXTS,
      "IP[:PORT]",
      "Where clients send to, an IPv6 address with a port in brackets; may be repeated. Default: port 3478 of all "
          + "addresses.",
      Draft::listen),
  ALTERNATE(
      Section.LISTENING,
      Kind.TEXT,
      "IP[:PORT]",
      "A second address of this host, with which clients find out how their NATs behave (RFC 5780): over UDP, at both "
          + "ports of both addresses. The first is the one that --listen names. Default of PORT: 3479.",
      (draft, text) -> draft.alternate = SettingText.endpoint(text, Draft.DEFAULT_PORT + 1)),
  TRANSPORT(
      Section.LISTENING,
      Kind.TEXTS,
      "NAME",
      "What clients may use: udp, tcp, tls, dtls; may be repeated. Default: all, the latter two where there is a "
          + "certificate.",
      Draft::transport),
  CERT(
      Section.LISTENING,
      Kind.PATH,
      "FILE",
      "The certificate for TLS and DTLS, and those that lead to an authority, in PEM; SIGHUP reads it again.",
      (draft, text) -> draft.certificate = Path.of(text)),
  KEY(
      Section.LISTENING,
      Kind.PATH,
      "FILE",
      "The private key of the certificate, in PEM (PKCS#8). Default: it is in the file of the certificate.",
      (draft, text) -> draft.key = Path.of(text)),
  TLS_PORT(
      Section.LISTENING,
      Kind.NUMBER,
      "PORT",
      "Where TLS and DTLS are spoken, on each address that is listened on. Default: 5349.",
      (draft, text) -> draft.tlsPort = SettingText.port(text)),
  PROXY(
      Section.LISTENING,
      Kind.TEXTS,
      "RANGE",
      "Where proxies connect from that say whom a TCP or TLS connection is from, by the PROXY protocol 1 or 2; they have "
          + "to. They are believed: name nobody else's addresses. May be repeated. Default: none.",
      Draft::proxy),
  HOST(
      Section.LISTENING,
      Kind.TEXT,
      "NAME",
      "The name that clients know the server by.",
      (draft, text) -> draft.host = text),
  STUN_ONLY(
      Section.LISTENING,
      Kind.FLAG,
      "",
      "Answer Binding requests, relay nothing.",
      (draft, text) -> draft.stunOnly = Boolean.parseBoolean(text)),

  RELAY(
      Section.RELAYING,
      Kind.TEXTS,
      "IP",
      "An address of this host to relay from; may be repeated. Default: those listened on, else those of the default "
          + "routes.",
      (draft, text) -> draft.relay.relay(text)),
  EXTERNAL(
      Section.RELAYING,
      Kind.TEXTS,
      "IP[/RELAY]",
      "The public address in front of a relay address, when a NAT maps it one to one; may be repeated. The relay "
          + "address is named where there are several of a family.",
      (draft, text) -> draft.relay.external(text)),
  PORTS(
      Section.RELAYING,
      Kind.TEXT,
      "FIRST-LAST",
      "The ports to relay from. Default: 49152-65535.",
      (draft, text) -> draft.relay.ports(text)),
  ALLOW(
      Section.RELAYING,
      Kind.TEXTS,
      "RANGE",
      "Peers that may be reached though they are private, as in 10.1.0.0/16; may be repeated.",
      (draft, text) -> draft.peers.allow(text)),
  DENY(
      Section.RELAYING,
      Kind.TEXTS,
      "RANGE",
      "Peers that may not be reached; may be repeated. Of all ranges the longest prefix decides.",
      (draft, text) -> draft.peers.deny(text)),
  ALLOW_LOOPBACK_PEERS(
      Section.RELAYING,
      Kind.FLAG,
      "",
      "Let 127.0.0.0/8 and ::1 be reached: for tests.",
      (draft, text) -> draft.peers.loopback = Boolean.parseBoolean(text)),

  REALM(
      Section.USERS,
      Kind.TEXT,
      "NAME",
      "What users belong to. Default: that of --host, else frazil.",
      (draft, text) -> draft.realm = text),
  USER(
      Section.USERS,
      Kind.TEXTS,
      "NAME:PASSWORD",
      "Who may relay; may be repeated. Others on this machine can read it: better in the file.",
      Draft::user),
  USER_KEY(
      Section.USERS,
      Kind.TEXTS,
      "NAME:KEY",
      "Who may relay, known by a key alone: the MD5 of NAME:REALM:PASSWORD in hexadecimal, as turnadmin makes them; may "
          + "be repeated. SHA-256 is then offered to nobody.",
      Draft::userKey),
  SECRET(
      Section.USERS,
      Kind.TEXTS,
      "TEXT",
      "What a web application signs credentials with; may be repeated while it is changed. Better in the file.",
      Draft::secret),
  OAUTH_KEY(
      Section.USERS,
      Kind.TEXTS,
      "ID:KEY[:EXPIRY]",
      "A key shared with an authorization server, in Base64, and until when it is good; may be repeated. Clients then "
          + "may show tokens (RFC 7635). Better in the file.",
      (draft, text) -> draft.oauthKeys.add(text)),
  OAUTH_SERVER_NAME(
      Section.USERS,
      Kind.TEXT,
      "NAME",
      "What tokens have to be made for. Default: the realm.",
      (draft, text) -> draft.oauthServerName = text),

  ALLOCATIONS(
      Section.LIMITS,
      Kind.NUMBER,
      "N",
      "The most allocations. Default: 10000.",
      (draft, text) -> draft.allocations = SettingText.count(text)),
  ALLOCATIONS_PER_USER(
      Section.LIMITS,
      Kind.NUMBER,
      "N",
      "The most allocations of a user. Default: 100.",
      (draft, text) -> draft.allocationsPerUser = SettingText.count(text)),
  BANDWIDTH(
      Section.LIMITS,
      Kind.NUMBER,
      "BYTES",
      "The most payload a second, both ways. Default: 0, no limit.",
      (draft, text) -> draft.bandwidth = Draft.bytes(text)),
  BANDWIDTH_PER_USER(
      Section.LIMITS,
      Kind.NUMBER,
      "BYTES",
      "The most payload a second of a user. Default: 0, no limit.",
      (draft, text) -> draft.bandwidthPerUser = Draft.bytes(text)),
  REFUSALS_PER_SOURCE(
      Section.LIMITS,
      Kind.NUMBER,
      "N",
      "The most refusals a second to an IPv4 address or IPv6 /64 that did not say who it is; what is more is dropped. 0 "
          + "is no limit. Default: 50.",
      (draft, text) -> draft.refusalsPerSource = SettingText.count(text)),
  NONCE_LIFETIME(
      Section.LIMITS,
      Kind.NUMBER,
      "S",
      "Seconds that a nonce is good for. Default: 3600, which is the most.",
      Draft::nonceLifetime),
  LONGEST_LIFETIME(
      Section.LIMITS,
      Kind.NUMBER,
      "S",
      "The most seconds that an allocation lives without being refreshed, 600 at least. Default: 3600.",
      Draft::longestLifetime),

  TCP_RELAY(
      Section.PROTOCOL,
      Kind.FLAG,
      "",
      "Let clients connect to peers over TCP (RFC 6062).",
      (draft, text) -> draft.tcpRelay = Boolean.parseBoolean(text)),
  MOBILITY(
      Section.PROTOCOL,
      Kind.FLAG,
      "",
      "Let clients take their allocations along to other addresses (RFC 8016).",
      (draft, text) -> draft.mobility = Boolean.parseBoolean(text)),
  OLD_CHANNEL_NUMBERS(
      Section.PROTOCOL,
      Kind.FLAG,
      "",
      "Take channel numbers up to 0x7FFF (RFC 5766), as coturn's clients choose.",
      (draft, text) -> draft.oldChannelNumbers = Boolean.parseBoolean(text)),
  NO_OLD_STUN(
      Section.PROTOCOL,
      Kind.FLAG,
      "",
      "Leave requests of RFC 3489 unanswered.",
      (draft, text) -> draft.noOldStun = Boolean.parseBoolean(text)),
  SOFTWARE(
      Section.PROTOCOL,
      Kind.TEXT,
      "TEXT",
      "What answers say of the server; empty for nothing. Default: frazil.",
      (draft, text) -> draft.software = text),

  THREADS(
      Section.OPERATION,
      Kind.NUMBER,
      "N",
      "How many event loops share the clients, 1 to 64. Default: one per processor, but 16 at most.",
      (draft, text) -> draft.threads = (int) SettingText.number(text, 1, 64)),
  ENGINE(
      Section.OPERATION,
      Kind.TEXT,
      "NAME",
      "What sockets run on: linux (JDK 22 or newer, with frazil-linux), epoll, nio or io-uring. Default: the first of these "
          + "that is there, but io-uring.",
      Draft::engine),
  DRAIN(
      Section.OPERATION,
      Kind.NUMBER,
      "S",
      "Seconds that allocations have to end on SIGTERM. Default: 60.",
      (draft, text) -> draft.drain = SettingText.count(text)),
  METRICS(
      Section.OPERATION,
      Kind.TEXT,
      "[IP:]PORT",
      "Answer GET /metrics to Prometheus and GET /health there, at 127.0.0.1 unless an address is given. Default: nowhere.",
      Draft::metrics),
  CONTROL(
      Section.OPERATION,
      Kind.TEXT,
      "PATH",
      "The socket where `frazil sessions` asks the server; off for none. Default: frazil/control.sock in the runtime "
          + "directory.",
      Draft::control),
  BATCHING(
      Section.OPERATION,
      Kind.NUMBER,
      "US",
      "Microseconds that datagrams are collected for where many clients send little each, 0 to 10000; 0 for never. "
          + "Default: 300.",
      Draft::batching),
  STATISTICS(
      Section.OPERATION,
      Kind.NUMBER,
      "S",
      "Seconds between lines of statistics in the log; 0 for none. Default: 60.",
      (draft, text) -> draft.statistics = SettingText.count(text)),
  LOG_FILE(
      Section.OPERATION,
      Kind.PATH,
      "PATH",
      "Where the log goes; SIGHUP opens it anew, for logrotate. Default: standard error.",
      Draft::logFile),
  LOG_FORMAT(
      Section.OPERATION,
      Kind.TEXT,
      "NAME",
      "How the log is written: text, with key=value, or json, an object a line. Default: text.",
      Draft::logFormat),
  LOG_LEVEL(
      Section.OPERATION,
      Kind.TEXT,
      "NAME",
      "What is logged: error, warning, info or debug. Default: info.",
      Draft::logLevel),
  FULL_ADDRESSES(
      Section.OPERATION,
      Kind.FLAG,
      "",
      "Log whole addresses of clients and peers, not their networks.",
      (draft, text) -> draft.fullAddresses = Boolean.parseBoolean(text));

  /** What settings are about. */
  public enum Section {
    LISTENING("Where to listen"),
    RELAYING("Where to relay"),
    USERS("Who may relay"),
    LIMITS("How much"),
    PROTOCOL("What is spoken"),
    OPERATION("Operation");

    private final String title;

    Section(String title) {
      this.title = title;
    }

    /** The heading over its settings. */
    public String title() {
      return title;
    }
  }

  /** What a value looks like. */
  public enum Kind {
    TEXT("a string"),
    /** May be given several times; an array in a file. */
    TEXTS("a string or an array of strings"),
    /** A file; in a file, as seen from its folder. */
    PATH("a string"),
    NUMBER("a whole number"),
    FLAG("true or false");

    final String words;

    Kind(String words) {
      this.words = words;
    }
  }

  /** Takes a value. */
  @FunctionalInterface
  interface Taker {
    /** Throws an {@link IllegalArgumentException} that says the rule. */
    void take(Draft draft, String text);
  }

  private final Section section;
  private final Kind kind;
  private final String label;
  private final String help;

  @SuppressWarnings("ImmutableEnumChecker") // method references and lambdas that hold nothing
  final Taker taker;

  Setting(Section section, Kind kind, String label, String help, Taker taker) {
    this.section = section;
    this.kind = kind;
    this.label = label;
    this.help = help;
    this.taker = taker;
  }

  /** The name in a file, and behind two dashes on the command line: {@code allocations-per-user}. */
  public String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  public Section section() {
    return section;
  }

  public Kind kind() {
    return kind;
  }

  /** What stands for a value in a text about it: {@code IP[:PORT]}; empty for a flag. */
  public String label() {
    return label;
  }

  /** What it is for, and what holds without it. */
  public String help() {
    return help;
  }

  static Optional<Setting> of(String key) {
    return Arrays.stream(values()).filter(setting -> setting.key().equals(key)).findFirst();
  }
}
