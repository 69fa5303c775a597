package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.ServerAuthentication;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A TURN server as small as tests of the client allow. It does what it is asked, unless a test has told it what to answer
 * next; and it is strict about what a client must not do.
 */
final class ScriptedTurnServer {
  static final LongTermCredential USER = new LongTermCredential("user", "pass");
  static final String REALM = "example.org";
  private static final long SECOND = TurnHarness.SECOND;

  /** What to answer to the next request of a method: an error code, 0 for success or -1 for silence, and attributes. */
  record Answer(int code, boolean sealed, UnaryOperator<StunBuilder> attributes) {}

  private static final class Allocation {
    long expiresAt;
    final Map<IpAddress, Long> permissions = new HashMap<>();
    final Map<Integer, TransportAddress> channels = new HashMap<>();
    final Map<Integer, Long> channelExpiry = new HashMap<>();
  }

  private final TurnHarness harness;
  private final TransportAddress address;
  private final Map<Integer, Queue<Answer>> answers = new HashMap<>();
  private final Map<FiveTuple, Allocation> allocations = new HashMap<>();
  private final Map<TransactionId, ByteBuffer> answered = new HashMap<>();
  private final ServerAuthentication authentication;
  final List<TurnHarness.Delivered> relayed = new ArrayList<>();
  List<TransportAddress> relays = List.of(TransportAddress.udp("198.51.100.1", 50000));
  int lifetime = 600;
  boolean silent;
  boolean anonymous;
  boolean bindsConnections;
  /** Answers everything in the server's place. */
  @Nullable BiFunction<FiveTuple, StunMessage, ByteBuffer> impostor;

  private int violations;

  ScriptedTurnServer(TurnHarness harness, TransportAddress address) {
    this.harness = harness;
    this.address = address;
    ServerAuthentication.LongTermOptions options = new ServerAuthentication.LongTermOptions(
        REALM,
        List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5),
        false,
        Duration.ofHours(1));
    authentication = ServerAuthentication.longTerm(options, this::key, new Random(2));
  }

  private @Nullable IntegrityKey key(String name, String realm, PasswordAlgorithm algorithm) {
    return name.equals(USER.username()) ? USER.key(realm, algorithm) : null;
  }

  /** Refuses the next request of a method that is authentic. */
  ScriptedTurnServer refuseNext(int method, int code) {
    return answerNext(method, code, builder -> builder);
  }

  /** Answers so to the next request of a method that is authentic; code 0 is success. */
  ScriptedTurnServer answerNext(int method, int code, UnaryOperator<StunBuilder> attributes) {
    answers
        .computeIfAbsent(method, m -> new ArrayDeque<>())
        .add(new Answer(code, true, attributes));
    return this;
  }

  /** Answers so to the next request of a method, whoever sent it, without integrity. */
  ScriptedTurnServer answerAnybody(int method, int code, UnaryOperator<StunBuilder> attributes) {
    answers
        .computeIfAbsent(method, m -> new ArrayDeque<>())
        .add(new Answer(code, false, attributes));
    return this;
  }

  /** Forgets everything, as a restart does. */
  void restart() {
    allocations.clear();
    answered.clear();
  }

  /** How often a client did what it must not. */
  int violations() {
    return violations;
  }

  int allocations() {
    allocations.values().removeIf(allocation -> allocation.expiresAt <= harness.now());
    return allocations.size();
  }

  void handle(FiveTuple path, ByteBuffer bytes) {
    if (silent) {
      return;
    }
    StunMessage message = StunMessage.tryParse(bytes);
    if (impostor != null) {
      if (message != null && message.messageClass() == MessageClass.REQUEST) {
        harness.carry(path, impostor.apply(path, message));
      }
    } else if (message == null) {
      channelData(path, bytes);
    } else if (message.is(MessageClass.INDICATION, Method.SEND)) {
      sendIndication(path, message);
    } else if (answered.containsKey(message.transactionId())) {
      harness.carry(path, answered.get(message.transactionId()).duplicate());
    } else {
      request(path, message);
    }
  }

  private void request(FiveTuple path, StunMessage message) {
    Queue<Answer> scripted = answers.getOrDefault(message.method(), new ArrayDeque<>());
    if (!scripted.isEmpty() && !scripted.peek().sealed()) {
      answer(path, message, scripted.remove(), null);
      return;
    }
    ServerAuthentication.Verdict verdict =
        anonymous ? null : authentication.check(message, path.local(), harness.now());
    if (verdict != null && !verdict.isAccepted()) {
      Answer refusal = new Answer(verdict.errorCode(), true, builder -> builder);
      answer(path, message, refusal, verdict);
    } else if (!scripted.isEmpty()) {
      answer(path, message, scripted.remove(), verdict);
    } else {
      answer(path, message, obey(path, message), verdict);
    }
  }

  private void answer(
      FiveTuple path,
      StunMessage message,
      Answer answer,
      ServerAuthentication.@Nullable Verdict verdict) {
    if (answer.code() < 0) {
      return;
    }
    ByteBuffer out = ByteBuffer.allocate(1500);
    TransactionId id = message.transactionId();
    StunBuilder builder = answer.code() == 0
        ? StunBuilder.success(message.method(), id, out)
        : StunBuilder.error(message.method(), id, out, answer.code());
    answer.attributes().apply(builder);
    if (verdict != null) {
      verdict.finish(builder);
    }
    ByteBuffer response = builder.finish();
    answered.put(id, response.duplicate());
    harness.carry(path, response.duplicate());
  }

  private static Answer error(int code) {
    return new Answer(code, true, builder -> builder);
  }

  private static Answer success(UnaryOperator<StunBuilder> attributes) {
    return new Answer(0, true, attributes);
  }

  private Answer obey(FiveTuple path, StunMessage message) {
    long now = harness.now();
    Allocation allocation = allocation(path);
    if (message.method() == Method.ALLOCATE) {
      return allocation == null ? allocate(path) : error(ErrorCode.ALLOCATION_MISMATCH);
    } else if (message.method() == Method.CONNECTION_BIND && bindsConnections) {
      return success(builder -> builder);
    } else if (allocation == null) {
      return error(ErrorCode.ALLOCATION_MISMATCH);
    }
    return switch (message.method()) {
      case Method.REFRESH -> {
        boolean deletion = message.intValue(AttributeType.LIFETIME, 1) == 0;
        allocation.expiresAt = deletion ? now : now + lifetime * SECOND;
        yield success(builder -> builder.put(AttributeType.LIFETIME, deletion ? 0 : lifetime));
      }
      case Method.CREATE_PERMISSION -> {
        for (TransportAddress peer : message.all(AttributeType.XOR_PEER_ADDRESS)) {
          allocation.permissions.put(peer.ip(), now + 300 * SECOND);
        }
        yield success(builder -> builder);
      }
      case Method.CHANNEL_BIND -> bind(allocation, message, now);
      default -> success(builder -> builder);
    };
  }

  Answer allocate(FiveTuple path) {
    Allocation created = new Allocation();
    created.expiresAt = harness.now() + lifetime * SECOND;
    allocations.put(path, created);
    return success(builder -> granted(builder, path));
  }

  /** The attributes of an allocation. */
  StunBuilder granted(StunBuilder builder, FiveTuple path) {
    relays.forEach(relay -> builder.put(AttributeType.XOR_RELAYED_ADDRESS, relay));
    return builder
        .put(AttributeType.XOR_MAPPED_ADDRESS, path.local())
        .put(AttributeType.LIFETIME, lifetime);
  }

  private Answer bind(Allocation allocation, StunMessage message, long now) {
    int number = message.intValue(AttributeType.CHANNEL_NUMBER, 0);
    TransportAddress peer = message.get(AttributeType.XOR_PEER_ADDRESS);
    TransportAddress bound = allocation.channels.get(number);
    long quarantined = allocation.channelExpiry.getOrDefault(number, 0L) + 300 * SECOND;
    if (!ChannelData.isChannel(number)
        || bound != null && !bound.equals(peer) && now < quarantined) {
      violations++;
      return error(ErrorCode.BAD_REQUEST);
    }
    allocation.channels.put(number, peer);
    allocation.channelExpiry.put(number, now + 600 * SECOND);
    allocation.permissions.put(peer.ip(), now + 300 * SECOND);
    return success(builder -> builder);
  }

  private @Nullable Allocation allocation(FiveTuple path) {
    Allocation allocation = allocations.get(path);
    return allocation == null || allocation.expiresAt <= harness.now() ? null : allocation;
  }

  /** Whether data of this path's allocation would reach a peer now. */
  boolean reaches(FiveTuple path, TransportAddress peer) {
    Allocation allocation = allocation(path);
    return allocation != null && allocation.permissions.getOrDefault(peer.ip(), 0L) > harness.now();
  }

  /** The allocation's path moves, as the test wants it. */
  void move(FiveTuple from, FiveTuple to) {
    allocations.put(to, allocations.remove(from));
  }

  // data

  private void sendIndication(FiveTuple path, StunMessage message) {
    ByteBuffer data = message.get(AttributeType.DATA);
    relay(path, message.get(AttributeType.XOR_PEER_ADDRESS), TurnHarness.text(data));
  }

  private void channelData(FiveTuple path, ByteBuffer bytes) {
    Allocation allocation = allocation(path);
    int number = ChannelData.isChannelData(bytes) ? ChannelData.number(bytes) : 0;
    long expiry = allocation == null ? 0 : allocation.channelExpiry.getOrDefault(number, 0L);
    if (allocation == null || expiry <= harness.now()) {
      violations++;
      return;
    }
    String text = TurnHarness.text(bytes.slice(4, ChannelData.length(bytes)));
    relay(path, allocation.channels.get(number), text);
  }

  private void relay(FiveTuple path, TransportAddress peer, String payload) {
    Allocation allocation = allocation(path);
    if (allocation != null && allocation.permissions.getOrDefault(peer.ip(), 0L) > harness.now()) {
      relayed.add(new TurnHarness.Delivered(peer, payload));
    }
  }

  /** A peer sends to the relayed address: by a Data indication. */
  void fromPeer(FiveTuple path, TransportAddress peer, String payload) {
    harness.carry(path, dataIndication(peer, payload).finish());
  }

  static StunBuilder dataIndication(TransportAddress peer, String payload) {
    return StunBuilder.indication(Method.DATA, new TransactionId(1, 2), ByteBuffer.allocate(1500))
        .put(AttributeType.XOR_PEER_ADDRESS, peer)
        .put(AttributeType.DATA, TurnHarness.bytes(payload));
  }

  static ByteBuffer channelData(int number, String payload) {
    ByteBuffer text = TurnHarness.bytes(payload);
    ByteBuffer out = ByteBuffer.allocate(4 + text.remaining());
    ChannelData.putHeader(out, number, text.remaining());
    return out.put(text).flip();
  }

  @Override
  public String toString() {
    return address.toString();
  }
}
