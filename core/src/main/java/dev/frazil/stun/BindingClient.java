package dev.frazil.stun;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Asks a server which address it sees: one Binding request (RFC 8489 2), also to servers of RFC 3489. */
public final class BindingClient implements ProtocolMachine {
  /** What it says, once. */
  public interface Outbox extends dev.frazil.net.Outbox {
    /**
     * The server answered.
     *
     * @param mapped the address that the server saw
     * @param response the whole response, good for the call
     */
    void mapped(TransportAddress mapped, StunMessage response);

    /**
     * The request came to nothing.
     *
     * @param error the server's error code, where it sent one
     */
    void failed(StunClient.Failure failure, @Nullable ErrorCode error);
  }

  /** What a Binding response may hold; the attributes of RFC 3489 are ignored (RFC 5389 12.1). */
  private static final AttributeSet UNDERSTOOD = AttributeSet.of(
      AttributeType.MAPPED_ADDRESS,
      AttributeType.XOR_MAPPED_ADDRESS,
      AttributeType.ERROR_CODE,
      AttributeType.UNKNOWN_ATTRIBUTES,
      AttributeType.RESPONSE_ADDRESS,
      AttributeType.SOURCE_ADDRESS,
      AttributeType.CHANGED_ADDRESS,
      AttributeType.REFLECTED_FROM,
      AttributeType.REALM,
      AttributeType.NONCE);

  private final FiveTuple path;
  private final StunClient client;
  private final Outbox outbox;

  /**
   * A client that has not asked yet; for the parameters see {@link StunClient}.
   *
   * @param outbox what hears the answer
   */
  public BindingClient(
      FiveTuple path,
      StunClient.Options options,
      ClientAuthentication authentication,
      RoundTripTimes roundTrips,
      RandomGenerator random,
      Outbox outbox) {
    this.path = path;
    this.outbox = outbox;
    this.client = new StunClient(path, options, authentication, roundTrips, random, new Answers());
  }

  /** Asks. */
  public void start(long now) {
    client.request(Method.BINDING, request -> {}, UNDERSTOOD, now);
  }

  @Override
  public void handleDatagram(FiveTuple from, ByteBuffer datagram, long now) {
    client.handleDatagram(from, datagram, now);
  }

  @Override
  public void handleTimeout(long now) {
    client.handleTimeout(now);
  }

  @Override
  public long nextTimeout() {
    return client.nextTimeout();
  }

  /** A hard ICMP error came back, or the connection broke. */
  public void handleUnreachable(long now) {
    client.handleUnreachable(now);
  }

  private final class Answers implements StunClient.Outbox {
    @Override
    public void transmit(FiveTuple to, ByteBuffer header, ByteBuffer payload) {
      outbox.transmit(to, header, payload);
    }

    @Override
    public void answered(StunClient.Request request, StunMessage response) {
      TransportAddress mapped =
          response.get(AttributeType.XOR_MAPPED_ADDRESS, path.local().transport());
      if (mapped == null) {
        mapped = response.get(AttributeType.MAPPED_ADDRESS, path.local().transport());
      }
      if (mapped == null) {
        outbox.failed(StunClient.Failure.BAD_RESPONSE, null);
      } else {
        outbox.mapped(mapped, response);
      }
    }

    @Override
    public void failed(
        StunClient.Request request, StunClient.Failure failure, @Nullable StunMessage response) {
      outbox.failed(failure, response == null ? null : response.get(AttributeType.ERROR_CODE));
    }
  }
}
