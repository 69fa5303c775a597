package dev.frazil.server;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What the server can be told, by a file or by flags. */
public enum Setting {
  /** Addresses that clients send to: {@code IP[:PORT]}. */
  LISTEN(Kind.TEXTS, ServerConfiguration.Draft::listen),
  /** The addresses of this host that relayed addresses are on. */
  RELAY(Kind.TEXTS, ServerConfiguration.Draft::relay),
  /** What clients are told instead of a relay address, behind a NAT that maps one to one. */
  EXTERNAL(Kind.TEXTS, ServerConfiguration.Draft::external),
  /** The ports of relayed addresses: {@code FIRST-LAST}. */
  PORTS(Kind.TEXT, ServerConfiguration.Draft::ports),
  REALM(Kind.TEXT, (draft, text) -> draft.realm = text),
  /** {@code NAME:PASSWORD}; in a file the table {@code [users]}. */
  USER(Kind.TEXTS, ServerConfiguration.Draft::user),
  /** What a web application signs credentials with; several while it is changed. */
  SECRET(Kind.TEXTS, ServerConfiguration.Draft::secret),
  /** Ranges of peers that may be reached although they are private. */
  ALLOW(Kind.TEXTS, ServerConfiguration.Draft::allow),
  /** Ranges of peers that may not be reached. */
  DENY(Kind.TEXTS, ServerConfiguration.Draft::deny),
  /** Whether 127/8 and ::1 may be reached; for tests. */
  ALLOW_LOOPBACK_PEERS(
      Kind.FLAG, (draft, text) -> draft.loopbackPeers = Boolean.parseBoolean(text)),
  /** Whether channel numbers up to 0x7FFF are taken, as RFC 5766 had it. */
  OLD_CHANNEL_NUMBERS(
      Kind.FLAG, (draft, text) -> draft.oldChannelNumbers = Boolean.parseBoolean(text)),
  /** The most allocations. */
  ALLOCATIONS(Kind.NUMBER, (draft, text) -> draft.allocations = draft.count(text)),
  /** The most allocations of a user. */
  ALLOCATIONS_PER_USER(Kind.NUMBER, (draft, text) -> draft.allocationsPerUser = draft.count(text)),
  /** The most payload bytes a second, both ways; 0 for no limit. */
  BANDWIDTH(Kind.NUMBER, (draft, text) -> draft.bandwidth = draft.count(text)),
  /** The most payload bytes a second of a user. */
  BANDWIDTH_PER_USER(Kind.NUMBER, (draft, text) -> draft.bandwidthPerUser = draft.count(text)),
  /** The most refusals a second to requests of a source that were not authenticated; 0 for no limit. */
  REFUSALS_PER_SOURCE(Kind.NUMBER, (draft, text) -> draft.refusalsPerSource = draft.count(text)),
  /** The name that clients know the server by. */
  HOST(Kind.TEXT, (draft, text) -> draft.host = text),
  /** Whether Binding requests alone are answered. */
  STUN_ONLY(Kind.FLAG, (draft, text) -> draft.stunOnly = Boolean.parseBoolean(text)),
  /** Seconds that allocations have to end when the server is to end. */
  DRAIN(Kind.NUMBER, (draft, text) -> draft.drain = draft.count(text)),
  /** Seconds between two lines of statistics in the log; 0 for none. */
  STATISTICS(Kind.NUMBER, (draft, text) -> draft.statistics = draft.count(text)),
  /** Whether the log has clients' whole addresses. */
  FULL_ADDRESSES(Kind.FLAG, (draft, text) -> draft.fullAddresses = Boolean.parseBoolean(text));

  /** What a value looks like. */
  enum Kind {
    TEXT("a string"),
    TEXTS("a string or an array of strings"),
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
    void take(ServerConfiguration.Draft draft, String text);
  }

  final Kind kind;

  @SuppressWarnings("ImmutableEnumChecker") // method references and lambdas that hold nothing
  final Taker taker;

  Setting(Kind kind, Taker taker) {
    this.kind = kind;
    this.taker = taker;
  }

  /** The name in a file, and behind two dashes on the command line: {@code allocations-per-user}. */
  public String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  static Optional<Setting> of(String key) {
    return Arrays.stream(values()).filter(setting -> setting.key().equals(key)).findFirst();
  }
}
