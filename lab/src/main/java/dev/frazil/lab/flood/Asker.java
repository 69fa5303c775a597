package dev.frazil.lab.flood;

import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Sends requests over a socket that does not block, and waits for an answer only until it knows the server's nonce. */
final class Asker implements AutoCloseable {
  private static final long PATIENCE_NANOS = 500_000_000;

  private final ByteChannel socket;
  private final LongTermCredential user;
  private final SplittableRandom random = new SplittableRandom(4);
  private final ByteBuffer out = ByteBuffer.allocate(2000);
  private final ByteBuffer in = ByteBuffer.allocate(2000);
  private @Nullable String realm;
  private @Nullable String nonce;
  private long sent;

  Asker(ByteChannel socket, LongTermCredential user) {
    this.socket = socket;
    this.user = user;
  }

  /** How many requests were sent. */
  long sent() {
    return sent;
  }

  /** Sends a request; the first one twice, since the server asks who it is. */
  void ask(int method, UnaryOperator<StunBuilder> attributes) throws IOException {
    if (nonce == null) {
      send(method, attributes);
      await();
    }
    send(method, attributes);
    hear();
  }

  /** Waits for the next message; null when none comes. It is good until the next call. */
  @Nullable StunMessage await() throws IOException {
    long end = System.nanoTime() + PATIENCE_NANOS;
    StunMessage message = hear();
    while (message == null && System.nanoTime() < end) {
      Thread.onSpinWait();
      message = hear();
    }
    return message;
  }

  private void send(int method, UnaryOperator<StunBuilder> attributes) throws IOException {
    StunBuilder request =
        attributes.apply(StunBuilder.request(method, TransactionId.random(random), out.clear()));
    if (realm != null && nonce != null) {
      request
          .put(AttributeType.USERNAME, user.username())
          .put(AttributeType.REALM, realm)
          .put(AttributeType.NONCE, nonce)
          .put(
              AttributeType.PASSWORD_ALGORITHMS,
              List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5)) // as the server offers
          .put(AttributeType.PASSWORD_ALGORITHM, PasswordAlgorithm.SHA_256)
          .integritySha256(user.key(realm, PasswordAlgorithm.SHA_256));
    }
    socket.write(request.finish());
    sent++;
  }

  private @Nullable StunMessage hear() throws IOException {
    StunMessage last = null;
    while (socket.read(in.clear()) > 0) {
      StunMessage message = StunMessage.tryParse(in.flip());
      if (message != null) {
        last = message;
        String fresh = message.get(AttributeType.NONCE);
        if (fresh != null) {
          nonce = fresh;
          realm = message.get(AttributeType.REALM);
        }
      }
    }
    return last;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
