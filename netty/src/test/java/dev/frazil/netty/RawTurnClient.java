package dev.frazil.netty;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A TURN client of a few lines on a blocking socket: what it sends is what the test says. */
final class RawTurnClient implements AutoCloseable {
  private static final int UDP = 17;
  private static final int IPV6 = 2;

  private final DatagramSocket socket;
  private final InetSocketAddress server;
  private final LongTermCredential user;
  private final Random random = new Random(1);
  private @Nullable String realm;
  private @Nullable String nonce;

  RawTurnClient(TransportAddress server, LongTermCredential user) throws IOException {
    this.server = SocketAddresses.toSocketAddress(server, 0);
    this.user = user;
    socket = Loopback.socket(server.ip().isIpv4() ? "127.0.0.1" : "::1");
  }

  TransportAddress address() {
    return SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
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
      if (server.getAddress() instanceof Inet6Address) {
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

  /** A request with credentials, after as many challenges as the server wants. */
  StunMessage request(int method, Consumer<StunBuilder> attributes) throws IOException {
    while (true) {
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
      send(builder.finish());
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
    ByteBuffer message = ByteBuffer.allocate(4 + payload.length);
    send(message
        .putShort((short) number)
        .putShort((short) payload.length)
        .put(payload)
        .flip());
  }

  void send(ByteBuffer datagram) throws IOException {
    byte[] bytes = new byte[datagram.remaining()];
    datagram.get(bytes);
    socket.send(new DatagramPacket(bytes, bytes.length, server));
  }

  ByteBuffer receive() throws IOException {
    DatagramPacket packet = Loopback.receive(socket);
    return ByteBuffer.wrap(packet.getData(), 0, packet.getLength()).slice();
  }

  @Override
  public void close() {
    socket.close();
  }
}
