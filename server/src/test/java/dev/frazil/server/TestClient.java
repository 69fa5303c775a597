package dev.frazil.server;

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
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A client that allocates and asks; each request is answered. */
final class TestClient implements AutoCloseable {
  private final DatagramSocket socket = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0));
  private final Random random = new Random();
  private final LongTermCredential user;
  private @Nullable String nonce;
  private @Nullable String realm;

  TestClient(FrazilServer server, LongTermCredential user) throws IOException {
    this.user = user;
    socket.setSoTimeout(30_000);
    socket.connect(
        InetAddress.getLoopbackAddress(), server.listeners().get(0).address().port());
  }

  StunMessage ask(int method, Consumer<StunBuilder> attributes) throws IOException {
    StunMessage answer = once(method, attributes);
    if (nonce == null && code(answer) == ErrorCode.UNAUTHENTICATED
        || code(answer) == ErrorCode.STALE_NONCE) {
      nonce = answer.get(AttributeType.NONCE);
      realm = answer.get(AttributeType.REALM);
      answer = once(method, attributes);
    }
    return answer;
  }

  StunMessage once(int method, Consumer<StunBuilder> attributes) throws IOException {
    StunBuilder builder =
        StunBuilder.request(method, TransactionId.random(random), ByteBuffer.allocate(1000));
    attributes.accept(builder);
    if (nonce != null) {
      builder
          .put(AttributeType.USERNAME, user.username())
          .put(AttributeType.REALM, realm)
          .put(AttributeType.NONCE, nonce)
          .integrity(user.key(realm, PasswordAlgorithm.MD5));
    }
    ByteBuffer request = builder.finish();
    byte[] bytes = new byte[request.remaining()];
    request.get(bytes);
    socket.send(new DatagramPacket(bytes, bytes.length));
    DatagramPacket packet = new DatagramPacket(new byte[2000], 2000);
    socket.receive(packet);
    return StunMessage.tryParse(
        ByteBuffer.wrap(Arrays.copyOf(packet.getData(), packet.getLength())));
  }

  int allocate() throws IOException {
    return code(ask(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17)));
  }

  int permit(TransportAddress peer) throws IOException {
    return code(ask(Method.CREATE_PERMISSION, b -> b.put(AttributeType.XOR_PEER_ADDRESS, peer)));
  }

  int release() throws IOException {
    return code(ask(Method.REFRESH, b -> b.put(AttributeType.LIFETIME, 0)));
  }

  @Override
  public void close() {
    socket.close();
  }

  /** Sends data to a peer by an indication, which nobody answers. */
  void send(TransportAddress peer, byte[] data) throws IOException {
    ByteBuffer indication = StunBuilder.indication(
            Method.SEND, TransactionId.random(random), ByteBuffer.allocate(2000))
        .put(AttributeType.XOR_PEER_ADDRESS, peer)
        .put(AttributeType.DATA, ByteBuffer.wrap(data))
        .finish();
    byte[] bytes = new byte[indication.remaining()];
    indication.get(bytes);
    socket.send(new DatagramPacket(bytes, bytes.length));
  }

  int port() {
    return socket.getLocalPort();
  }

  static int code(StunMessage answer) {
    ErrorCode error = answer.get(AttributeType.ERROR_CODE);
    return error == null ? 0 : error.code();
  }
}
