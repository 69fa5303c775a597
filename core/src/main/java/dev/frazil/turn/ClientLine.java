package dev.frazil.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.stun.AttributeSet;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunClient;
import dev.frazil.stun.StunMessage;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The requests over one path, each with whoever wants its answer. Answers are handed on after the client that received
 * them has finished its turn, so that whoever gets one may ask for more.
 */
final class ClientLine {
  /** What the responses of TURN servers may hold. */
  private static final AttributeSet UNDERSTOOD = AttributeSet.of(
      AttributeType.ERROR_CODE,
      AttributeType.UNKNOWN_ATTRIBUTES,
      AttributeType.USERNAME,
      AttributeType.REALM,
      AttributeType.NONCE,
      AttributeType.MAPPED_ADDRESS,
      AttributeType.XOR_MAPPED_ADDRESS,
      AttributeType.XOR_RELAYED_ADDRESS,
      AttributeType.XOR_PEER_ADDRESS,
      AttributeType.CHANNEL_NUMBER,
      AttributeType.LIFETIME,
      AttributeType.REQUESTED_ADDRESS_FAMILY,
      AttributeType.RESERVATION_TOKEN,
      AttributeType.CONNECTION_ID);

  /** Who wants the answer to a request. */
  interface Asker {
    /**
     * The server did it.
     *
     * @param askedAt when the request was made: no later than the server took it
     */
    void answered(StunMessage response, long askedAt, long now);

    void refused(Refusal refusal, long now);
  }

  /**
   * Why a request came to nothing.
   *
   * @param signed whether the request carried credentials, so that the response is the server's
   */
  record Refusal(
      StunClient.Failure failure,
      @Nullable StunMessage response,
      boolean signed,
      @Nullable ErrorCode error) {

    /** The server's error code; 0 when it sent none. */
    int code() {
      return error == null ? 0 : error.code();
    }

    /** The name of the server that a token of an authorization server has to be for; null when none is asked for. */
    @Nullable String tokenWantedFor() {
      ByteBuffer name = response == null || code() != ErrorCode.UNAUTHENTICATED
          ? null
          : response.get(AttributeType.THIRD_PARTY_AUTHORIZATION);
      return name == null || name.remaining() > 255 ? null : UTF_8.decode(name).toString();
    }
  }

  private record Open(Asker asker, long askedAt) {}

  private record Done(
      Open open,
      @Nullable StunMessage response,
      StunClient.@Nullable Failure failure,
      boolean signed) {}

  final FiveTuple path;
  private final ClientSession session;
  private final StunClient client;
  private final ClientSession.Timer timer;
  private final Map<StunClient.Request, Open> open = new IdentityHashMap<>();
  private final Queue<Done> done = new ArrayDeque<>();
  private boolean closed;

  ClientLine(ClientSession session, FiveTuple path) {
    this.session = session;
    this.path = path;
    timer = new ClientSession.Timer(this::handleTimeout);
    client = new StunClient(
        path,
        session.configuration.options,
        session.authentication,
        session.roundTrips,
        session.configuration.random,
        new Answers());
  }

  StunClient.Request request(int method, Consumer<StunBuilder> attributes, Asker asker, long now) {
    StunClient.Request request = client.request(method, attributes, UNDERSTOOD, now);
    open.put(request, new Open(asker, now));
    arm();
    return request;
  }

  void handleDatagram(ByteBuffer datagram, long now) {
    client.handleDatagram(path, datagram, now);
    settle(now);
  }

  private void handleTimeout(long now) {
    client.handleTimeout(now);
    settle(now);
  }

  /** The connection broke, or nobody is there. */
  void handleUnreachable(long now) {
    client.handleUnreachable(now);
    settle(now);
  }

  private void settle(long now) {
    for (Done each = done.poll(); each != null; each = done.poll()) {
      Asker asker = each.open.asker();
      if (each.failure != null) {
        ErrorCode error =
            each.response == null ? null : each.response.get(AttributeType.ERROR_CODE);
        asker.refused(new Refusal(each.failure, each.response, each.signed, error), now);
      } else if (each.response != null) {
        asker.answered(each.response, each.open.askedAt(), now);
      }
    }
    arm();
  }

  private void arm() {
    session.schedule(timer, closed ? ProtocolMachine.NEVER : client.nextTimeout());
  }

  /** Forgets every request. */
  void cancelAll(long now) {
    for (StunClient.Request request : List.copyOf(open.keySet())) {
      client.cancel(request, now);
    }
    open.clear();
    done.clear();
    arm();
  }

  /** Forgets every request, and answers to nothing any more. */
  void close() {
    closed = true;
    open.clear();
    done.clear();
    arm();
  }

  private final class Answers implements StunClient.Outbox {
    @Override
    public void transmit(FiveTuple to, ByteBuffer header, ByteBuffer payload) {
      session.outbox.transmit(to, header, payload);
    }

    @Override
    public void answered(StunClient.Request request, StunMessage response) {
      finished(request, response.copy(), null);
    }

    @Override
    public void failed(
        StunClient.Request request, StunClient.Failure failure, @Nullable StunMessage response) {
      finished(request, response == null ? null : response.copy(), failure);
    }

    private void finished(
        StunClient.Request request,
        @Nullable StunMessage response,
        StunClient.@Nullable Failure failure) {
      Open asked = open.remove(request);
      if (asked != null) {
        done.add(new Done(asked, response, failure, request.isSigned()));
      }
    }
  }
}
