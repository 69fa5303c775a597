package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.ClientAuthentication.ThirdPartyToken;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.StunUri;
import dev.frazil.turn.TurnAllocation;
import dev.frazil.turn.TurnConfiguration;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An allocation on a TURN server (RFC 8656), over UDP, TCP, TLS or DTLS: a relayed address of its own, through which it
 * exchanges data with peers. It is kept alive until it is closed.
 *
 * <pre>{@code
 * TurnClient client = TurnClient.builder(runtime, "turns:turn.example.org")
 *     .credential("user", "password")
 *     .onData((from, payload) -> System.out.println(from + " sent " + payload.remaining() + " bytes"))
 *     .open();
 * TurnClient.Allocation allocation = client.allocated().get();
 * client.permit(List.of(peer)).get(); // what allocation.relayed() is, the peer has to learn
 * client.send(peer, ByteBuffer.wrap(hello));
 * }</pre>
 *
 * <p>A server that is given by name is tried at each of its addresses, IPv6 first, until one answers; each but the last is
 * given up after three seconds. DNS is asked for addresses only (RFC 5928's NAPTR and SRV records are not looked up), and
 * the port is 3478, or 5349 for {@code turns:}, where none is given.
 *
 * <p>All methods may be called by any thread and none waits. Stages of the futures run on the event loop, which they must
 * not block.
 */
public final class TurnClient implements AutoCloseable {
  /** What may wait for the event loop. */
  private static final int MOST_WAITING = 256 * 1024;

  private static final int OVERHEAD = 128;

  /** Takes what peers send. */
  @FunctionalInterface
  public interface DataHandler {
    /**
     * A datagram came in. Called on the event loop, so it must not block; it may call the client.
     *
     * @param payload without a copy: borrowed for the call
     */
    void onData(TransportAddress peer, ByteBuffer payload);
  }

  /**
   * What the server gave.
   *
   * @param relayed the relayed addresses: one, or one of each family
   * @param mapped this client's address as the server sees it
   * @param lifetime how long the allocation would last without its refreshes
   * @param mobile whether {@link #move} can take it elsewhere
   * @param missing why there is no relayed address of a family that was asked for
   * @param reservationToken stands for the port behind the relayed one, where that was asked for
   * @param path between this host and the server
   * @param certificate the server's, over TLS and DTLS
   * @param times how long it took
   */
  public record Allocation(
      List<TransportAddress> relayed,
      TransportAddress mapped,
      Duration lifetime,
      boolean mobile,
      List<AddressErrorCode> missing,
      @Nullable Long reservationToken,
      FiveTuple path,
      @Nullable X509Certificate certificate,
      Times times) {}

  /**
   * How long the steps took.
   *
   * @param lookUp of the server's name
   * @param connect with handshakes; about nothing for UDP
   * @param allocate until the server's answer
   */
  public record Times(Duration lookUp, Duration connect, Duration allocate) {}

  /** The server did not do what it was asked for, or can't be reached. The message says why, for people. */
  public static final class Refused extends IOException {
    private static final long serialVersionUID = 1;

    private final transient @Nullable ErrorCode error;
    private final transient @Nullable X509Certificate certificate;

    Refused(String reason, @Nullable ErrorCode error, @Nullable X509Certificate certificate) {
      super(reason);
      this.error = error;
      this.certificate = certificate;
    }

    /** The server's error; null where it sent none. */
    public @Nullable ErrorCode error() {
      return error;
    }

    /** What a server of TLS or DTLS showed of itself, believed or not; null when it showed nothing. */
    public @Nullable X509Certificate certificate() {
      return certificate;
    }
  }

  private final DrivenTurnClient driven;
  private final AtomicInteger waiting = new AtomicInteger();

  private TurnClient(DrivenTurnClient driven) {
    this.driven = driven;
  }

  /**
   * Starts the settings of a client.
   *
   * @param uri such as {@code turn:turn.example.org}, {@code turn:192.0.2.1:3478?transport=tcp} or
   *     {@code turns:turn.example.org:443} (RFC 7065). Without a transport it is UDP for {@code turn:}, and TLS over TCP
   *     for {@code turns:}, which means DTLS with {@code transport=udp}
   * @throws IllegalArgumentException when it is none, naming the part and the rule
   */
  public static TurnClientBuilder builder(IceRuntime runtime, String uri) {
    return builder(runtime, StunUri.parse(uri));
  }

  /** Starts the settings of a client of this server. */
  public static TurnClientBuilder builder(IceRuntime runtime, StunUri server) {
    return new TurnClientBuilder(runtime, server);
  }

  static TurnClient open(TurnClientBuilder settings) {
    settings.runtime.checkOpen();
    TurnConfiguration.Builder trial = TurnConfiguration.builder(settings.runtime.random());
    settings.configuration.accept(trial);
    trial.build(); // what excludes each other is told here, not on the event loop
    DrivenTurnClient driven = new DrivenTurnClient(settings);
    driven.begin();
    return new TurnClient(driven);
  }

  /**
   * What became of the request for an allocation.
   *
   * @return fails with {@link Refused} when no address of the server gives one
   */
  public CompletableFuture<Allocation> allocated() {
    return driven.allocated.copy();
  }

  /**
   * Has the server let these peers through and keeps it so. Peers are told apart by IP address; ports may be 0.
   *
   * @return done when the server has said so for all; fails with {@link Refused} when it refuses one. Data may be sent
   *     before
   */
  public CompletableFuture<Void> permit(Collection<TransportAddress> peers) {
    List<TransportAddress> all = List.copyOf(peers);
    return ask(done -> driven.permit(all, done));
  }

  /** Keeps permission and channels of a peer no longer. */
  public void release(IpAddress peer) {
    driven.command((allocation, now) -> allocation.release(peer));
  }

  /** Has data to a peer carry a header of 4 bytes, see {@link TurnAllocation#bind}; permits the peer, too. */
  public void bind(TransportAddress peer) {
    driven.command((allocation, now) -> allocation.bind(peer, now));
  }

  /**
   * Sends data to a peer that was permitted, at most 65,480 bytes; the buffer is the caller's again after the call.
   *
   * @return false when it was dropped: there is no allocation or permission, or too much is on its way. Called by another
   *     thread than the event loop's, true means no more than that it is on its way there
   */
  public boolean send(TransportAddress peer, ByteBuffer payload) {
    if (driven.driver().isHere()) {
      return driven.send(peer, payload);
    }
    int cost = payload.remaining() + OVERHEAD;
    if (waiting.addAndGet(cost) > MOST_WAITING) {
      waiting.addAndGet(-cost);
      return false;
    }
    ByteBuffer copy =
        ByteBuffer.allocate(payload.remaining()).put(payload.duplicate()).flip();
    return driven.driver().executeLater(() -> {
      waiting.addAndGet(-cost);
      driven.send(peer, copy);
    });
  }

  /**
   * Connects to a peer by TCP (RFC 6062). The allocation has to be one of TCP, see
   * {@link TurnConfiguration.Builder#transport}, and the peer permitted.
   *
   * @return fails with {@link Refused}
   */
  public CompletableFuture<TurnStream> connect(TransportAddress peer) {
    TransportAddress address = new TransportAddress(peer.ip(), peer.port(), Transport.TCP);
    return ask(done -> driven.connect(address, done));
  }

  /**
   * Takes the allocation to a path from another address of this host, with its relayed addresses, permissions and channels
   * (RFC 8016). It has to be mobile.
   *
   * @param from null for a fresh port of the address that the system chooses
   * @return the new path; fails with {@link Refused}, and the allocation stays where it is
   */
  public CompletableFuture<FiveTuple> move(@Nullable IpAddress from) {
    return ask(done -> driven.move(from, done));
  }

  /** Takes a first or newer token of an authorization server (RFC 7635). */
  public void accessToken(ThirdPartyToken token) {
    driven.command((allocation, now) -> allocation.setAccessToken(token, now));
  }

  /** What it did so far; fails when there is no allocation yet. */
  public CompletableFuture<TurnAllocation.Statistics> statistics() {
    return ask(
        done -> driven.command((allocation, now) -> done.complete(allocation.statistics()), done));
  }

  private <T> CompletableFuture<T> ask(Consumer<CompletableFuture<T>> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    if (!driven.driver().execute(() -> question.accept(answer))) {
      answer.completeExceptionally(new IOException("the runtime is closed"));
    }
    return answer;
  }

  /** Done when the allocation is given back, a second after {@link #close} at the latest, or the runtime ended. */
  public CompletableFuture<Void> closed() {
    return driven.closed.copy();
  }

  /** Gives the allocation back. Does not wait; repeated calls do nothing. */
  @Override
  public void close() {
    driven.driver().execute(driven::close);
  }
}
