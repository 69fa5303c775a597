package dev.frazil.stun;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A client of one server, over one path: its requests are retransmitted, authenticated, retried when the server asks for
 * that, and answered (RFC 8489 6.2, 6.3.3, 6.3.4, 9). At most 10 are under way at a time; others wait.
 */
public final class StunClient implements ProtocolMachine {
  /** RFC 8489 6.2. */
  private static final int MOST_UNDER_WAY = 10;
  /** What the caller may add to a request; RFC 8489 6.1's 548 bytes are for it to keep. */
  private static final int LONGEST_WITHOUT_CREDENTIALS = 2048;
  /** The longest username, realm, nonce and list of algorithms fit too: nothing that a server sends overflows it. */
  private static final int LONGEST_REQUEST = LONGEST_WITHOUT_CREDENTIALS + 2560;

  /** What a client says. */
  public interface Outbox extends dev.frazil.net.Outbox {
    /** The success response to a request; the response is good for the call. */
    void answered(Request request, StunMessage response);

    /**
     * A request came to nothing.
     *
     * @param response the response that ended it, good for the call; null where none did
     */
    void failed(Request request, Failure failure, @Nullable StunMessage response);
  }

  /** Why a request came to nothing. */
  public enum Failure {
    /** No response came. */
    TIMEOUT,
    /** Responses came, but without the integrity that the credential gives (RFC 8489 9.1.4, 9.2.5). */
    INTEGRITY_VIOLATION,
    /** The server refused; its error code tells why. */
    ERROR_RESPONSE,
    /** The server does not take the credential, or asks for what can't be done. */
    UNAUTHENTICATED,
    /** A response that holds attributes which have to be understood and are not, or lacks what it has to hold. */
    BAD_RESPONSE,
    /** The network says that the server can't be reached, or the connection broke. */
    UNREACHABLE
  }

  /**
   * What is the same for all requests.
   *
   * @param retransmission when requests are sent again and given up
   * @param software the value of SOFTWARE; null sends none
   * @param fingerprint whether requests end with FINGERPRINT
   * @param countTransmissions whether requests say how often they were sent, so that round trips and loss can be
   *     measured even when they are sent again (RFC 7982)
   */
  public record Options(
      Retransmission retransmission,
      @Nullable String software,
      boolean fingerprint,
      boolean countTransmissions) {
    /** The RFC's times, SOFTWARE without a version, no FINGERPRINT, no counting. */
    public static final Options DEFAULT =
        new Options(Retransmission.DEFAULT, "frazil", false, false);

    public Options {
      TextCodec.requireSendable("software", software);
    }
  }

  /** A request on its way, whatever number of transactions that takes. */
  public static final class Request {
    /** A 401 and a changed realm, some nonces that expire at once: a server that asks for more is broken. */
    private static final int MOST_RETRIES = 4;

    private final int method;
    private final Consumer<StunBuilder> attributes;
    private final AttributeSet understood;
    private @Nullable ClientTransaction transaction;
    private ClientAuthentication.@Nullable Signature signature;
    private int retries;
    private boolean violated;
    private boolean over;

    private Request(int method, Consumer<StunBuilder> attributes, AttributeSet understood) {
      this.method = method;
      this.attributes = attributes;
      this.understood = understood;
    }

    /** The method. */
    public int method() {
      return method;
    }

    /** Whether it was sent with credentials; what came of it then is the server's word, unless it is unauthenticated. */
    public boolean isSigned() {
      return signature != null;
    }
  }

  private final FiveTuple path;
  private final Options options;
  private final ClientAuthentication authentication;
  private final RoundTripTimes roundTrips;
  private final RandomGenerator random;
  private final Outbox outbox;
  private final ByteBuffer out = ByteBuffer.allocate(LONGEST_REQUEST);
  private final Map<TransactionId, Request> underWay = new HashMap<>();
  private final Queue<Request> waiting = new ArrayDeque<>();
  private final DeadlineQueue<ClientTransaction> deadlines = new DeadlineQueue<>();

  /**
   * A client that has nothing to do yet.
   *
   * @param path from which local address to which server
   * @param roundTrips what is known of the round trips to servers
   * @param random where transaction IDs come from: cryptographically secure (RFC 8489 5), but for tests
   */
  public StunClient(
      FiveTuple path,
      Options options,
      ClientAuthentication authentication,
      RoundTripTimes roundTrips,
      RandomGenerator random,
      Outbox outbox) {
    this.path = path;
    this.options = options;
    this.authentication = authentication;
    this.roundTrips = roundTrips;
    this.random = random;
    this.outbox = outbox;
  }

  /**
   * Sends a request.
   *
   * @param attributes adds the request's attributes, but for SOFTWARE, the credentials and FINGERPRINT; called for each
   *     transaction
   * @param understood the comprehension-required attributes that its response may hold
   * @throws IllegalArgumentException when the attributes take over 2000 bytes
   */
  public Request request(
      int method, Consumer<StunBuilder> attributes, AttributeSet understood, long now) {
    Request request = new Request(method, attributes, understood);
    if (underWay.size() < MOST_UNDER_WAY) {
      send(request, now);
    } else {
      waiting.add(request);
    }
    return request;
  }

  /** Forgets a request; its response will be ignored. */
  public void cancel(Request request, long now) {
    if (!request.over) {
      waiting.remove(request);
      end(request, now);
    }
  }

  private void send(Request request, long now) {
    TransactionId id = TransactionId.random(random);
    StunBuilder builder = StunBuilder.request(request.method, id, out.clear());
    if (options.software() != null) {
      builder.put(AttributeType.SOFTWARE, options.software());
    }
    if (options.countTransmissions()) {
      builder.put(AttributeType.TRANSACTION_TRANSMIT_COUNTER, TransmitCounts.FIRST);
    }
    request.attributes.accept(builder);
    if (out.position() > LONGEST_WITHOUT_CREDENTIALS) {
      throw new IllegalArgumentException("a request of " + out.position() + " bytes: at most "
          + LONGEST_WITHOUT_CREDENTIALS + " without credentials");
    }
    request.signature = authentication.sign(builder);
    if (options.fingerprint()) {
      builder.fingerprint();
    }
    long rto = roundTrips.rto(path.remote().ip(), now);
    IntegrityKey key = request.signature == null ? null : request.signature.key();
    ClientTransaction transaction = options.countTransmissions()
        ? ClientTransaction.counting(path, builder.finish(), options.retransmission(), rto, key)
        : new ClientTransaction(path, builder.finish(), options.retransmission(), rto);
    request.transaction = transaction;
    underWay.put(id, request);
    transaction.start(outbox, now);
    deadlines.schedule(transaction, transaction.nextTimeout());
  }

  @Override
  public void handleDatagram(FiveTuple from, ByteBuffer datagram, long now) {
    StunMessage response = from.equals(path) ? StunMessage.tryParse(datagram) : null;
    if (response == null || response.hasFingerprint() && !response.hasValidFingerprint()) {
      return;
    }
    Request request = underWay.get(response.transactionId());
    boolean success = response.messageClass() == MessageClass.SUCCESS;
    boolean isResponse = success || response.messageClass() == MessageClass.ERROR;
    if (request == null || !isResponse || response.method() != request.method) {
      return;
    }
    switch (authentication.judge(response, request.signature)) {
      case ACCEPTED -> accept(request, response, success, now);
      case IGNORED -> {}
      case VIOLATION -> violate(request, now);
      case RETRY -> retry(request, response, now);
      case REFUSED -> fail(request, Failure.UNAUTHENTICATED, response, now);
    }
  }

  private void accept(Request request, StunMessage response, boolean success, long now) {
    measure(request, response, now);
    ErrorCode error = success ? null : response.get(AttributeType.ERROR_CODE);
    boolean understood = response.unknownRequired(request.understood).length == 0;
    if (!understood || !success && error == null) {
      fail(request, Failure.BAD_RESPONSE, response, now); // RFC 8489 6.3.3, 6.3.4
    } else if (error != null) {
      fail(request, Failure.ERROR_RESPONSE, response, now);
    } else {
      end(request, now);
      outbox.answered(request, response);
    }
  }

  private void measure(Request request, StunMessage response, long now) {
    ClientTransaction transaction = request.transaction;
    long roundTrip = transaction == null ? -1 : transaction.roundTrip(response, now);
    if (roundTrip >= 0) {
      roundTrips.measured(path.remote().ip(), roundTrip, now);
    }
  }

  /** RFC 8489 9.1.4: over datagrams the good response may still come; over a stream nobody but the server answers. */
  private void violate(Request request, long now) {
    request.violated = true;
    if (path.local().transport() == Transport.TCP) {
      fail(request, Failure.INTEGRITY_VIOLATION, null, now);
    }
  }

  private void retry(Request request, StunMessage response, long now) {
    measure(request, response, now);
    if (request.retries++ == Request.MOST_RETRIES) {
      fail(request, Failure.UNAUTHENTICATED, response, now);
      return;
    }
    forget(request);
    send(request, now);
  }

  private void fail(Request request, Failure failure, @Nullable StunMessage response, long now) {
    end(request, now);
    outbox.failed(request, failure, response);
  }

  private void end(Request request, long now) {
    request.over = true;
    forget(request);
    Request next = underWay.size() < MOST_UNDER_WAY ? waiting.poll() : null;
    if (next != null) {
      send(next, now);
    }
  }

  private void forget(Request request) {
    if (request.transaction != null) {
      underWay.remove(request.transaction.id());
      deadlines.cancel(request.transaction);
      request.transaction = null;
    }
  }

  @Override
  public void handleTimeout(long now) {
    ClientTransaction transaction;
    while ((transaction = deadlines.poll(now)) != null) {
      Request request = underWay.get(transaction.id());
      if (transaction.handleTimeout(outbox, now)) {
        deadlines.schedule(transaction, transaction.nextTimeout());
      } else if (request != null) {
        fail(request, request.violated ? Failure.INTEGRITY_VIOLATION : Failure.TIMEOUT, null, now);
      }
    }
  }

  @Override
  public long nextTimeout() {
    return deadlines.nextDeadline();
  }

  /**
   * Fails all requests: a hard ICMP error came back over datagrams (RFC 8489 6.2.1), or the connection broke (6.2.2).
   */
  public void handleUnreachable(long now) {
    List<Request> all = new ArrayList<>(underWay.values());
    all.addAll(waiting);
    waiting.clear();
    for (Request request : all) {
      fail(request, Failure.UNREACHABLE, null, now);
    }
  }
}
