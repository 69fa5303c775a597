package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** A STUN server that says what a test wants. */
final class ScriptedStunServer {
  /** A request that came in: the time, the path as the agent sees it, and whether it was sent before. */
  record Request(long time, FiveTuple path, StunMessage message, boolean again) {}

  private final AgentHarness harness;
  private final TransportAddress address;
  private final List<Request> requests = new ArrayList<>();

  ScriptedStunServer(AgentHarness harness, String ip) {
    this(harness, TransportAddress.udp(ip, StunServer.DEFAULT_PORT));
  }

  ScriptedStunServer(AgentHarness harness, TransportAddress address) {
    this.harness = harness;
    this.address = address;
    harness.onSent(this::see);
  }

  private void see(FiveTuple path, ByteBuffer datagram) {
    StunMessage message = StunMessage.tryParse(datagram);
    if (message != null
        && message.is(MessageClass.REQUEST, Method.BINDING)
        && path.remote().equals(address)) {
      boolean again = requests.stream()
          .anyMatch(seen -> seen.message().transactionId().equals(message.transactionId()));
      requests.add(new Request(harness.time().now(), path, message, again));
    }
  }

  /** Every request, retransmissions included. */
  List<Request> requests() {
    return requests;
  }

  /** The first send of each request. */
  List<Request> transactions() {
    return requests.stream().filter(request -> !request.again()).toList();
  }

  /** From now on tells each request after a delay where it came from. */
  void answer(Duration delay, Function<TransportAddress, TransportAddress> nat) {
    int[] seen = {requests.size()};
    harness.onSent((path, datagram) -> {
      if (requests.size() > seen[0]) {
        seen[0] = requests.size();
        Request request = requests.get(requests.size() - 1);
        harness.time().after(delay, () -> answer(request, nat.apply(path.local())));
      }
    });
  }

  void answer(Request request, TransportAddress mapped) {
    respond(request, builder -> builder.put(AttributeType.XOR_MAPPED_ADDRESS, mapped));
  }

  /** A success response, without FINGERPRINT as many servers send it. */
  void respond(Request request, UnaryOperator<StunBuilder> attributes) {
    StunBuilder builder = StunBuilder.success(
        Method.BINDING, request.message().transactionId(), ByteBuffer.allocate(548));
    harness.receive(request.path(), attributes.apply(builder).finish());
  }

  void refuse(Request request, int code, UnaryOperator<StunBuilder> attributes) {
    StunBuilder builder = StunBuilder.error(
        Method.BINDING, request.message().transactionId(), ByteBuffer.allocate(548), code);
    harness.receive(request.path(), attributes.apply(builder).finish());
  }
}
