package dev.frazil.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.ServerAuthentication;
import dev.frazil.stun.ServerAuthentication.Verdict;
import dev.frazil.stun.SourceLimit;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.TurnServerConfiguration.Realm;
import dev.frazil.turn.TurnServerConfiguration.Tokens;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Who sends a request (RFC 8656 5, RFC 8489 9.2, RFC 7635), and the answer to it. */
final class Authentication {
  /** Holds the longest response; only an alternate server's domain and the relayed addresses make one long. */
  private static final int LONGEST_RESPONSE = 1500;

  private static final int MOST_UNKNOWN_ATTRIBUTES = 64;
  /** A response to somebody who may not be who it says has fewer than so many times the bytes of the request. */
  private static final int AMPLIFICATION = 6;

  private static final long SECOND = 1_000_000_000L;
  /** RFC 7635 7: how far the clocks of authorization server and TURN server may be apart, in seconds. */
  private static final long CLOCK_TOLERANCE = 5;

  private static final ByteBuffer NO_PAYLOAD = ByteBuffer.allocate(0);

  private final Allocations allocations;
  private final TurnServerConfiguration configuration;
  private final @Nullable Door standard;
  private final Map<TransportAddress, Door> doors = new HashMap<>();
  private final SourceLimit errorsOfSource;
  private final ByteBuffer out = ByteBuffer.allocate(LONGEST_RESPONSE);
  private long errorsWhole;

  Authentication(Allocations allocations) {
    this.allocations = allocations;
    this.configuration = allocations.configuration;
    standard = configuration.realm == null ? null : new Door(configuration.realm);
    configuration.listenerRealms.forEach((at, realm) -> doors.put(at, new Door(realm)));
    errorsOfSource = new SourceLimit(configuration.errorsPerSecondPerSource, configuration.random);
  }

  /** Finds out who sent a request. When it returns null the request has been answered, or dropped. */
  @Nullable Request check(StunMessage message, FiveTuple path, long now) {
    Door door = doors.getOrDefault(path.local(), standard);
    Verdict verdict = door == null ? null : check(door, message, path, now);
    Request request = new Request(message, path, now, door, verdict);
    if (verdict != null && !verdict.isAccepted()) {
      request.fail(verdict.errorCode());
      return null;
    } else if (verdict == null && !configuration.anonymous) {
      request.fail(ErrorCode.FORBIDDEN); // no realm here
      return null;
    } else if (message.isMalformed(AttributeType.REALM)) {
      request.fail(ErrorCode.BAD_REQUEST);
      return null;
    }
    return request;
  }

  /** RFC 6062 4.3 lets a data connection show the nonce of the control connection, as coturn's clients do. */
  private Verdict check(Door door, StunMessage message, FiveTuple path, long now) {
    Verdict verdict = door.check(message, path.remote(), now);
    if (verdict.errorCode() == ErrorCode.STALE_NONCE
        && message.method() == Method.CONNECTION_BIND) {
      int id = message.intValue(AttributeType.CONNECTION_ID, 0);
      Connections.Connection connection = allocations.connections.get(id);
      if (connection != null) {
        Verdict ofControl = door.check(message, connection.owner.client.remote(), now);
        return ofControl.isAccepted() ? ofControl : verdict;
      }
    }
    return verdict;
  }

  /** Whether one more error may be sent to somebody who has not proved to be at its address. */
  private boolean admitsError(FiveTuple path, long now) {
    if (configuration.errorsPerSecond > 0) {
      long next = Math.max(errorsWhole, now) + SECOND / configuration.errorsPerSecond;
      if (next - now > SECOND || !errorsOfSource.admits(path.remote().ip(), now)) {
        return false;
      }
      errorsWhole = next;
      return true;
    }
    return errorsOfSource.admits(path.remote().ip(), now);
  }

  /** The users of a realm and the bearers of tokens, as the STUN layer asks for them. */
  private final class Door implements ServerAuthentication.Accounts {
    private final Realm realm;
    private final ServerAuthentication longTerm;
    private @Nullable StunMessage current;
    private long now;
    private long tokenExpiry;

    Door(Realm realm) {
      this.realm = realm;
      longTerm =
          ServerAuthentication.longTerm(configuration.longTerm(realm), this, configuration.random);
    }

    Verdict check(StunMessage message, TransportAddress client, long time) {
      current = message;
      now = time;
      tokenExpiry = Long.MAX_VALUE;
      Verdict verdict = longTerm.check(message, client, time);
      current = null;
      return verdict;
    }

    @Override
    public @Nullable IntegrityKey key(String username, String name, PasswordAlgorithm algorithm) {
      throw new IllegalStateException("keys() is asked");
    }

    @Override
    public List<IntegrityKey> keys(String username, String name, PasswordAlgorithm algorithm) {
      StunMessage message = current;
      if (message == null) {
        return List.of();
      } else if (configuration.tokens != null && message.has(AttributeType.ACCESS_TOKEN)) {
        return tokenKey(configuration.tokens, username, message);
      } else if (message.method() == Method.ALLOCATE
          && realm.accounts().expiry(username) <= configuration.unixTime(now)) {
        return List.of();
      }
      return realm.accounts().keys(username, name, algorithm);
    }

    /** RFC 7635 7: the token tells the key. */
    private List<IntegrityKey> tokenKey(Tokens tokens, String keyId, StunMessage message) {
      ByteBuffer value = message.get(AttributeType.ACCESS_TOKEN);
      byte[] key = tokens.keys().apply(keyId);
      AccessToken token = value == null || key == null
          ? null
          : AccessToken.tryDecode(value, key, tokens.serverName());
      long time = configuration.unixTime(now);
      if (token == null
          || time >= token.expiry() + CLOCK_TOLERANCE
          || token.issued() > time + CLOCK_TOLERANCE) {
        return List.of();
      }
      tokenExpiry = token.expiry() + CLOCK_TOLERANCE;
      return List.of(token.key());
    }

    @Override
    public @Nullable String username(ByteBuffer userhash, String name) {
      return realm.accounts().username(userhash, name);
    }
  }

  /** A request and what is needed to answer it; its message is good for the call. */
  final class Request {
    final StunMessage message;
    final FiveTuple path;
    final long now;
    private final @Nullable Door door;
    private final @Nullable Verdict verdict;
    /** When the sender's token ends, in seconds since 1970. */
    private final long tokenExpiry;

    private final TransactionId id;
    private final int method;
    private final int size;
    private final boolean fingerprint;

    private Request(
        StunMessage message,
        FiveTuple path,
        long now,
        @Nullable Door door,
        @Nullable Verdict verdict) {
      this.message = message;
      this.path = path;
      this.now = now;
      this.door = door;
      this.verdict = verdict;
      this.tokenExpiry = door == null ? Long.MAX_VALUE : door.tokenExpiry;
      this.id = message.transactionId();
      this.method = message.method();
      this.size = message.bytes().remaining();
      this.fingerprint = message.hasFingerprint();
    }

    TransactionId id() {
      return id;
    }

    /** Empty for everybody where the server is anonymous. */
    String username() {
      String name = verdict == null ? null : verdict.username();
      return name == null ? "" : name;
    }

    String realm() {
      return door == null ? "" : door.realm.name();
    }

    /** Whose quota counts; without accounts, that of the client's IP address. */
    String owner() {
      return door == null
          ? path.remote().ip().toString()
          : door.realm.accounts().owner(username()) + "@" + door.realm.name();
    }

    boolean isAuthenticated() {
      return verdict != null && verdict.isAccepted();
    }

    /** How many seconds the sender's token is still good for. */
    long tokenSeconds() {
      return tokenExpiry == Long.MAX_VALUE
          ? Long.MAX_VALUE
          : Math.max(0, tokenExpiry - configuration.unixTime(now));
    }

    StunBuilder success() {
      return StunBuilder.success(method, id, out.clear());
    }

    StunBuilder error(int code) {
      return StunBuilder.error(method, id, out.clear(), code);
    }

    void fail(int code) {
      refuse(code, error(code));
    }

    void failUnknown(int... attributes) {
      int count = Math.min(attributes.length, MOST_UNKNOWN_ATTRIBUTES);
      refuse(
          ErrorCode.UNKNOWN_ATTRIBUTE,
          error(ErrorCode.UNKNOWN_ATTRIBUTE)
              .put(AttributeType.UNKNOWN_ATTRIBUTES, Arrays.copyOf(attributes, count)));
    }

    void refuse(int code, StunBuilder response) {
      if (isAuthenticated() || admitsError(path, now)) {
        allocations.refused.merge(code, 1L, Long::sum);
        send(response);
      } else {
        allocations.drop(TurnServer.Drop.RATE_LIMIT);
      }
    }

    void succeed(StunBuilder response) {
      allocations.answered++;
      send(response);
    }

    /** Ends a response: SOFTWARE only to those who are known, whom it can't be used against. */
    private void send(StunBuilder response) {
      if (configuration.software != null && isAuthenticated()) {
        response.put(AttributeType.SOFTWARE, configuration.software);
      }
      if (verdict != null) {
        verdict.finish(response);
        if (verdict.errorCode() == ErrorCode.UNAUTHENTICATED && configuration.tokens != null) {
          response.put(
              AttributeType.THIRD_PARTY_AUTHORIZATION,
              ByteBuffer.wrap(configuration.tokens.serverName().getBytes(UTF_8)));
        }
      }
      if (fingerprint) {
        response.fingerprint();
      }
      ByteBuffer bytes = response.finish();
      boolean spoofable = !isAuthenticated() && path.local().transport() == Transport.UDP;
      if (spoofable && bytes.remaining() >= AMPLIFICATION * size) {
        allocations.drop(TurnServer.Drop.AMPLIFICATION);
        return;
      }
      allocations.outbox.transmit(path, bytes, NO_PAYLOAD);
    }
  }
}
