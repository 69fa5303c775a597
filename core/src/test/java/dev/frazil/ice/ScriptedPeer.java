package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The other side of one stream, which says what a test wants: right answers, none, or forged ones. */
final class ScriptedPeer {
  /** A check that the agent sent to us. */
  record Check(long time, FiveTuple path, StunMessage message) {
    boolean nominates() {
      return message.has(AttributeType.USE_CANDIDATE);
    }

    TransportAddress to() {
      return path.remote();
    }
  }

  static final String UFRAG = "PEER";
  static final String PASSWORD = "passwordofthepeer+/0123";

  private static final Set<String> OPTIONS = Set.of("ice2", "trickle");

  private final AgentHarness harness;
  private final int stream;
  private final Random random = new Random(77);
  private final List<Check> checks = new ArrayList<>();
  private String ufrag = UFRAG;
  private String password = PASSWORD;
  private int foundation;

  /** A peer of a stream of an agent. */
  ScriptedPeer(AgentHarness harness, int stream) {
    this.harness = harness;
    this.stream = stream;
    harness.onSent(this::see);
  }

  private void see(FiveTuple path, ByteBuffer datagram) {
    StunMessage message = StunMessage.tryParse(datagram);
    if (message == null || !message.is(MessageClass.REQUEST, Method.BINDING)) {
      return;
    }
    String username = message.get(AttributeType.USERNAME);
    boolean again = checks.stream()
        .anyMatch(check -> check.message().transactionId().equals(message.transactionId()));
    if (username != null && username.startsWith(ufrag + ":") && !again) {
      checks.add(new Check(harness.time().now(), path, message));
    }
  }

  // signalling

  /** Other credentials, as after a restart. */
  void credentials(String newUfrag, String newPassword) {
    ufrag = newUfrag;
    password = newPassword;
  }

  /** What a full agent of RFC 8445 that trickles would tell, with the agent's default Ta. */
  IceParameters parameters() {
    return new IceParameters(ufrag, password, false, 10, OPTIONS);
  }

  /** Tells the agent our parameters. */
  void introduce() {
    introduce(parameters());
  }

  void introduce(IceParameters parameters) {
    harness.call(now -> harness.agent().setRemote(stream, parameters, now));
  }

  /** A host candidate of component 1 with a foundation of its own. */
  Candidate host(String ip, int port) {
    return candidate(CandidateType.HOST, ip, port, 65535, 1);
  }

  Candidate candidate(CandidateType type, String ip, int port, int localPreference, int component) {
    TransportAddress address = TransportAddress.udp(ip, port);
    int priority = Candidate.priority(type.preference(), localPreference, component);
    return new Candidate("f" + ++foundation, component, priority, address, type, null, Map.of());
  }

  /** Tells the agent candidates. */
  void tell(Candidate... candidates) {
    for (Candidate candidate : candidates) {
      harness.call(now -> harness.agent().addRemoteCandidate(stream, ufrag, candidate, now));
    }
  }

  /** Tells the agent that there are no more. */
  void tellEnd() {
    harness.call(now -> harness.agent().endOfRemoteCandidates(stream, ufrag, now));
  }

  // being checked

  /** The checks that came so far, without retransmissions, in order. */
  List<Check> checks() {
    return checks;
  }

  /** The checks that came to an address. */
  List<Check> checksTo(TransportAddress address) {
    return checks.stream().filter(check -> check.to().equals(address)).toList();
  }

  Check lastCheck() {
    return checks.get(checks.size() - 1);
  }

  /** Runs until there are so many checks. */
  Check awaitCheck(int number) {
    if (!harness.time().runUntil(() -> checks.size() >= number, Duration.ofMinutes(2))) {
      throw new AssertionError("only " + checks.size() + " checks, not " + number);
    }
    return checks.get(number - 1);
  }

  /** Answers that the check came from where it was sent. */
  void answer(Check check) {
    answer(check, check.path().local());
  }

  void answer(Check check, TransportAddress mapped) {
    respond(check, check.path(), builder -> builder.put(AttributeType.XOR_MAPPED_ADDRESS, mapped));
  }

  /** A success response with integrity, along any path. */
  void respond(Check check, FiveTuple path, UnaryOperator<StunBuilder> attributes) {
    StunBuilder builder =
        StunBuilder.success(Method.BINDING, check.message().transactionId(), buffer());
    harness.receive(
        path, attributes.apply(builder).integrity(key()).fingerprint().finish());
  }

  /** An error response with integrity. */
  void refuse(Check check, int code) {
    refuse(check, code, key());
  }

  /** An error response; without integrity when there is no key. */
  void refuse(Check check, int code, @Nullable IntegrityKey key) {
    StunBuilder builder =
        StunBuilder.error(Method.BINDING, check.message().transactionId(), buffer(), code);
    if (key != null) {
      builder.integrity(key);
    }
    harness.receive(check.path(), builder.fingerprint().finish());
  }

  /** From now on answers each matching check after a delay, as {@link #answer(Check)} does. */
  void answerWhen(Predicate<Check> matching, Duration delay) {
    onCheck(check -> {
      if (matching.test(check)) {
        harness.time().after(delay, () -> answer(check));
      }
    });
  }

  /** From now on does something with each check, retransmissions not counted. */
  void onCheck(Consumer<Check> handler) {
    int[] seen = {checks.size()};
    harness.onSent((path, datagram) -> {
      if (checks.size() > seen[0]) {
        seen[0] = checks.size();
        handler.accept(lastCheck());
      }
    });
  }

  // checking

  /** A check of ours, to be told what it carries and sent; without words it is right and we are controlled. */
  Request request(TransportAddress from, TransportAddress base) {
    return new Request(new FiveTuple(base, from));
  }

  /** The response that the agent sent to a request; null when it sent none. */
  @Nullable StunMessage responseTo(TransactionId id) {
    return harness.sent().stream()
        .map(AgentHarness.Sent::message)
        .filter(message -> message != null
            && message.messageClass() != MessageClass.REQUEST
            && message.transactionId().equals(id))
        .findFirst()
        .orElse(null);
  }

  /** The key that protects what we answer. */
  IntegrityKey key() {
    return IntegrityKey.shortTerm(password);
  }

  private static ByteBuffer buffer() {
    return ByteBuffer.allocate(2048);
  }

  /** A Binding request of ours. */
  final class Request {
    private final FiveTuple path;
    private final TransactionId id = TransactionId.random(random);
    private @Nullable String username;
    private @Nullable IntegrityKey key;
    private @Nullable Integer priority = Candidate.priority(110, 65535, 1);
    private boolean useCandidate;
    private boolean fingerprint = true;
    private @Nullable Role role = Role.CONTROLLED;
    private long tieBreaker = 1;
    private UnaryOperator<StunBuilder> more = UnaryOperator.identity();

    private Request(FiveTuple path) {
      this.path = path;
      IceParameters local = harness.agent().localParameters(stream);
      username = local.ufrag() + ":" + ufrag;
      key = IntegrityKey.shortTerm(local.password());
    }

    Request username(@Nullable String value) {
      username = value;
      return this;
    }

    /** @param value null for none: no MESSAGE-INTEGRITY */
    Request key(@Nullable IntegrityKey value) {
      key = value;
      return this;
    }

    Request priority(@Nullable Integer value) {
      priority = value;
      return this;
    }

    Request useCandidate() {
      useCandidate = true;
      return this;
    }

    Request withoutFingerprint() {
      fingerprint = false;
      return this;
    }

    Request role(@Nullable Role value, long ourTieBreaker) {
      role = value;
      tieBreaker = ourTieBreaker;
      return this;
    }

    /** Further attributes. */
    Request with(UnaryOperator<StunBuilder> attributes) {
      more = attributes;
      return this;
    }

    TransactionId id() {
      return id;
    }

    /** The path as the agent sees it. */
    FiveTuple path() {
      return path;
    }

    /** The datagram. */
    ByteBuffer bytes() {
      StunBuilder builder = StunBuilder.request(Method.BINDING, id, buffer());
      if (username != null) {
        builder.put(AttributeType.USERNAME, username);
      }
      if (priority != null) {
        builder.put(AttributeType.PRIORITY, (int) priority);
      }
      if (role != null) {
        builder.put(
            role == Role.CONTROLLING ? AttributeType.ICE_CONTROLLING : AttributeType.ICE_CONTROLLED,
            tieBreaker);
      }
      if (useCandidate) {
        builder.flag(AttributeType.USE_CANDIDATE);
      }
      more.apply(builder);
      if (key != null) {
        builder.integrity(key);
      }
      return (fingerprint ? builder.fingerprint() : builder).finish();
    }

    /** Sends it, without a look at what the agent makes of it. */
    void post() {
      harness.receive(path, bytes());
    }

    /** Sends it; answers the agent's response, null when it sent none. */
    @Nullable StunMessage send() {
      harness.receive(path, bytes());
      return responseTo(id);
    }
  }
}
