package dev.frazil.netty;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A TURN client of a few lines on a blocking {@link Wire}: what it sends is what the test says. */
final class RawTurnClient implements AutoCloseable {
  private static final int UDP = 17;
  private static final int IPV6 = 2;

  private final Wire wire;
  private final boolean ipv6;
  private final LongTermCredential user;
  private final Random random = new Random(1);
  private @Nullable String realm;
  private @Nullable String nonce;

  RawTurnClient(TransportAddress server, LongTermCredential user) throws IOException {
    this(Wire.udp(server), server, user);
  }

  RawTurnClient(Wire wire, TransportAddress server, LongTermCredential user) {
    this.wire = wire;
    this.user = user;
    ipv6 = server.ip().isIpv6();
  }

  static RawTurnClient of(TurnListener server, LongTermCredential user) throws Exception {
    return new RawTurnClient(Wire.to(server), server.address(), user);
  }

  TransportAddress address() {
    return wire.local();
  }

  Wire wire() {
    return wire;
  }

  static int code(StunMessage response) {
    ErrorCode error = response.get(AttributeType.ERROR_CODE);
    return error == null ? 0 : error.code();
  }

  StunMessage allocate(Consumer<StunBuilder> attributes) throws IOException {
    return request(Method.ALLOCATE, builder -> {
      builder.put(AttributeType.REQUESTED_TRANSPORT, UDP);
      attributes.accept(builder);
    });
  }

  /** The relayed address, of the family that the server is asked in. */
  TransportAddress allocate() throws IOException {
    StunMessage response = allocate(builder -> {
      if (ipv6) {
        builder.put(AttributeType.REQUESTED_ADDRESS_FAMILY, IPV6);
      }
    });
    if (code(response) != 0) {
      throw new AssertionError("Allocate: " + code(response));
    }
    return response.get(AttributeType.XOR_RELAYED_ADDRESS);
  }

  int release() throws IOException {
    return code(request(Method.REFRESH, builder -> builder.put(AttributeType.LIFETIME, 0)));
  }

  int permit(TransportAddress peer) throws IOException {
    return code(request(
        Method.CREATE_PERMISSION, builder -> builder.put(AttributeType.XOR_PEER_ADDRESS, peer)));
  }

  int bind(int number, TransportAddress peer) throws IOException {
    return code(request(
        Method.CHANNEL_BIND,
        builder -> builder
            .put(AttributeType.CHANNEL_NUMBER, number)
            .put(AttributeType.XOR_PEER_ADDRESS, peer)));
  }

  /** A request with credentials, once a challenge told what they are for. */
  ByteBuffer message(int method, Consumer<StunBuilder> attributes) {
    StunBuilder builder =
        StunBuilder.request(method, TransactionId.random(random), ByteBuffer.allocate(2000));
    attributes.accept(builder);
    if (nonce != null) {
      builder
          .put(AttributeType.USERNAME, user.username())
          .put(AttributeType.REALM, realm)
          .put(AttributeType.NONCE, nonce)
          .integrity(user.key(realm, PasswordAlgorithm.MD5));
    }
    return builder.finish();
  }

  /** The answer to a request with credentials, after as many challenges as the server wants. */
  StunMessage request(int method, Consumer<StunBuilder> attributes) throws IOException {
    while (true) {
      send(message(method, attributes));
      StunMessage response = StunMessage.tryParse(receive());
      boolean challenged = code(response) == ErrorCode.UNAUTHENTICATED && nonce == null
          || code(response) == ErrorCode.STALE_NONCE;
      if (!challenged) {
        return response;
      }
      realm = response.get(AttributeType.REALM);
      nonce = response.get(AttributeType.NONCE);
    }
  }

  void indicate(TransportAddress peer, byte[] payload) throws IOException {
    send(
        StunBuilder.indication(Method.SEND, TransactionId.random(random), ByteBuffer.allocate(2000))
            .put(AttributeType.XOR_PEER_ADDRESS, peer)
            .put(AttributeType.DATA, ByteBuffer.wrap(payload))
            .finish());
  }

  void channelData(int number, byte[] payload) throws IOException {
    int padding = wire.isStream() ? -payload.length & 3 : 0;
    ByteBuffer message = ByteBuffer.allocate(4 + payload.length + padding);
    message.putShort((short) number).putShort((short) payload.length).put(payload);
    send(message.rewind());
  }

  void send(ByteBuffer message) throws IOException {
    byte[] bytes = new byte[message.remaining()];
    message.get(bytes);
    wire.send(bytes);
  }

  ByteBuffer receive() throws IOException {
    return wire.receive();
  }

  @Override
  public void close() throws IOException {
    wire.close();
  }
}
