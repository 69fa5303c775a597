package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A TURN server of one client that says what a test wants. What the agent sends through it is seen by the harness's
 * networks as coming from the relayed address, and what the harness receives there goes through it to the agent.
 */
final class ScriptedRelay {
  static final LongTermCredential USER = new LongTermCredential("user", "pass");
  static final TransportAddress RELAYED = TransportAddress.udp("198.51.100.1", 50000);
  static final TransportAddress MAPPED = TransportAddress.udp("203.0.113.1", 40000);

  /** A request that came in, retransmissions included, and whether it had credentials that hold. */
  record Request(long time, FiveTuple path, StunMessage message, boolean authentic) {
    boolean is(int method) {
      return message.method() == method;
    }

    List<String> peers() {
      return message.all(AttributeType.XOR_PEER_ADDRESS).stream()
          .map(peer -> peer.ip().toString())
          .toList();
    }
  }

  /** A datagram for a peer, and how it came. */
  record Relayed(long time, TransportAddress peer, boolean byChannel, ByteBuffer payload) {}

  private final AgentHarness harness;
  private final TransportAddress address;
  private final ServerAuthentication authentication;
  private final List<Request> requests = new ArrayList<>();
  private final List<Relayed> relayed = new ArrayList<>();
  private final Map<Integer, TransportAddress> channels = new HashMap<>();
  private final Map<Integer, Integer> refusals = new HashMap<>();
  private @Nullable FiveTuple path;
  TransportAddress relayedAddress = RELAYED;
  Duration delay = Duration.ofMillis(10);
  boolean silent;
  /** Where a refusal with 300 sends the client. */
  @Nullable TransportAddress alternate;

  boolean answersByChannel;

  ScriptedRelay(AgentHarness harness, String ip) {
    this(harness, TransportAddress.udp(ip, 3478));
  }

  ScriptedRelay(AgentHarness harness, TransportAddress listener) {
    this.harness = harness;
    address = listener;
    authentication = ServerAuthentication.longTerm(
        new ServerAuthentication.LongTermOptions(
            "example.org", List.of(PasswordAlgorithm.MD5), false, Duration.ofHours(1)),
        (name, realm, algorithm) -> key(name, realm, algorithm),
        new Random(3));
    harness.onSent(this::see);
    harness.tunnel(this);
  }

  private static @Nullable IntegrityKey key(
      String name, String realm, PasswordAlgorithm algorithm) {
    return name.equals(USER.username()) ? USER.key(realm, algorithm) : null;
  }

  /** From now on answers authentic requests of a method with this error; 0 stops that. */
  void refuse(int method, int code) {
    refusals.put(method, code);
  }

  List<Request> requests() {
    return requests;
  }

  /** The authentic requests of a method, each once. */
  List<Request> requests(int method) {
    List<Request> found = new ArrayList<>();
    for (Request request : requests) {
      boolean again = found.stream()
          .anyMatch(
              seen -> seen.message().transactionId().equals(request.message().transactionId()));
      if (request.is(method) && request.authentic() && !again) {
        found.add(request);
      }
    }
    return found;
  }

  List<Relayed> relayed() {
    return relayed;
  }

  private void see(FiveTuple from, ByteBuffer datagram) {
    if (!from.remote().equals(address) || silent) {
      return;
    }
    path = from;
    if ((datagram.get(datagram.position()) & 0xC0) == 0x40) {
      int number = datagram.getShort(datagram.position()) & 0xFFFF;
      int length = datagram.getShort(datagram.position() + 2) & 0xFFFF;
      relay(channels.get(number), true, datagram.slice(datagram.position() + 4, length));
      return;
    }
    StunMessage message = StunMessage.tryParse(datagram);
    if (message == null) {
      return;
    }
    if (message.is(MessageClass.INDICATION, Method.SEND)) {
      relay(message.get(AttributeType.XOR_PEER_ADDRESS), false, message.get(AttributeType.DATA));
    } else if (message.messageClass() == MessageClass.REQUEST) {
      harness.time().after(delay, () -> request(from, message));
    }
  }

  private void relay(TransportAddress peer, boolean byChannel, ByteBuffer payload) {
    relayed.add(new Relayed(harness.time().now(), peer, byChannel, payload));
    harness.hear(new FiveTuple(relayedAddress, peer), payload);
  }

  private void request(FiveTuple from, StunMessage message) {
    TransactionId id = message.transactionId();
    ByteBuffer out = ByteBuffer.allocate(600);
    if (message.method() == Method.BINDING) {
      requests.add(new Request(harness.time().now(), from, message, true));
      harness.receiveAtSocket(
          from,
          StunBuilder.success(Method.BINDING, id, out)
              .put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED)
              .finish());
      return;
    }
    ServerAuthentication.Verdict verdict =
        authentication.check(message, from.local(), harness.time().now());
    requests.add(new Request(harness.time().now(), from, message, verdict.isAccepted()));
    int refusal =
        verdict.isAccepted() ? refusals.getOrDefault(message.method(), 0) : verdict.errorCode();
    if (refusal < 0) {
      return;
    }
    StunBuilder builder = refusal != 0
        ? StunBuilder.error(message.method(), id, out, refusal)
        : StunBuilder.success(message.method(), id, out);
    if (refusal == 0) {
      obey(message, builder);
    } else if (refusal == ErrorCode.TRY_ALTERNATE) {
      builder
          .put(AttributeType.ALTERNATE_SERVER, alternate)
          .put(AttributeType.ALTERNATE_DOMAIN, "other.example");
    }
    verdict.finish(builder);
    harness.receiveAtSocket(from, builder.finish());
  }

  private void obey(StunMessage message, StunBuilder builder) {
    switch (message.method()) {
      case Method.ALLOCATE ->
        builder
            .put(AttributeType.XOR_RELAYED_ADDRESS, relayedAddress)
            .put(AttributeType.XOR_MAPPED_ADDRESS, MAPPED)
            .put(AttributeType.LIFETIME, 600);
      case Method.REFRESH ->
        builder.put(
            AttributeType.LIFETIME, message.intValue(AttributeType.LIFETIME, 600) == 0 ? 0 : 600);
      case Method.CHANNEL_BIND ->
        channels.put(
            message.intValue(AttributeType.CHANNEL_NUMBER, 0),
            message.get(AttributeType.XOR_PEER_ADDRESS));
      default -> {}
    }
  }

  // the tunnel

  boolean carries(TransportAddress local) {
    return path != null && relayedAddress.equals(local);
  }

  /** Gives the agent what a peer sent to the relayed address. */
  void deliver(FiveTuple along, ByteBuffer payload) {
    int number = channels.entrySet().stream()
        .filter(each -> each.getValue().equals(along.remote()))
        .mapToInt(Map.Entry::getKey)
        .findFirst()
        .orElse(0);
    ByteBuffer out = ByteBuffer.allocate(payload.remaining() + 100);
    if (answersByChannel && number != 0) {
      out.putShort((short) number).putShort((short) payload.remaining());
      harness.receiveAtSocket(path, out.put(payload.duplicate()).flip());
    } else {
      harness.receiveAtSocket(
          path,
          StunBuilder.indication(Method.DATA, new TransactionId(1, relayed.size()), out)
              .put(AttributeType.XOR_PEER_ADDRESS, along.remote())
              .put(AttributeType.DATA, payload.duplicate())
              .finish());
    }
  }
}
