package dev.frazil.netty;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.client.ServerAddress;
import dev.frazil.netty.client.ServerConnection;
import dev.frazil.netty.io.Driven;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.turn.TurnAllocation;
import dev.frazil.turn.TurnConfiguration;
import dev.frazil.turn.TurnEvent;
import dev.frazil.turn.TurnRequest;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A client's allocation on its event loop, with its connections. Each address of the server that is tried has an
 * allocation of its own, so that nothing of a former one is left.
 */
final class DrivenTurnClient extends Driven implements TurnAllocation.Outbox {
  private static final System.Logger LOGGER = System.getLogger(DrivenTurnClient.class.getName());

  /** How long an address may take while there is another to try. */
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  /** A call to the machine. */
  interface Command {
    void on(TurnAllocation allocation, long now);
  }

  final CompletableFuture<TurnClient.Allocation> allocated = new CompletableFuture<>();
  final CompletableFuture<Void> closed = new CompletableFuture<>();

  private final TurnClientBuilder settings;
  private final Queue<TransportAddress> untried = new ArrayDeque<>();
  private final Map<FiveTuple, ServerConnection> connections = new HashMap<>();
  private final Set<ServerConnection> opening = new HashSet<>();
  private final Map<FiveTuple, TurnStream> streams = new HashMap<>();
  private final Queue<TurnRequest> requests = new ArrayDeque<>();
  private final Queue<TurnEvent> events = new ArrayDeque<>();
  private final Set<IpAddress> permitted = new HashSet<>();
  private final Map<IpAddress, List<CompletableFuture<Void>>> permitting = new HashMap<>();
  private final Map<TransportAddress, CompletableFuture<TurnStream>> connecting = new HashMap<>();
  private final Map<FiveTuple, CompletableFuture<FiveTuple>> moving = new HashMap<>();
  private @Nullable TurnAllocation machine;
  private @Nullable ServerConnection control;
  private @Nullable Future<?> patience;
  private @Nullable X509Certificate certificate;
  private boolean ended;
  private long begunAt;
  private long foundAt;
  private long connectedAt;

  private @Nullable TransportAddress deliveredFrom;
  private @Nullable ByteBuffer delivered;
  private int deliveredPosition;
  private int deliveredLimit;

  DrivenTurnClient(TurnClientBuilder settings) {
    super(settings.runtime.nextDriver());
    this.settings = settings;
  }

  /** From any thread. */
  void begin() {
    begunAt = driver().now();
    settings
        .runtime
        .names()
        .lookUp(settings.server.host(), found -> driver().executeLater(() -> found(found)));
  }

  @Override
  public TurnAllocation machine() {
    if (machine == null) {
      throw new IllegalStateException("there is no allocation yet");
    }
    return machine;
  }

  // one address of the server after the other

  private void found(List<IpAddress> addresses) {
    foundAt = driver().now();
    IpAddress from = settings.local;
    addresses.stream()
        .filter(ip -> from == null || ip.family() == from.family())
        .sorted(Comparator.comparing(IpAddress::isIpv4)) // RFC 6724 would prefer IPv6, too
        .map(ip -> new TransportAddress(ip, settings.server.portOrDefault(), settings.transport))
        .forEach(untried::add);
    if (untried.isEmpty()) {
      refuse(
          addresses.isEmpty()
              ? "the name can't be resolved: no such host, or no DNS here"
              : "the server has no address of the family of " + from,
          null);
    } else {
      tryNext();
    }
  }

  private void tryNext() {
    TransportAddress address = untried.poll();
    if (address == null || ended) {
      return;
    }
    TurnConfiguration.Builder builder = TurnConfiguration.builder(settings.runtime.random());
    settings.configuration.accept(builder);
    machine = new TurnAllocation(builder.build(), this);
    certificate = null;
    connectedAt = driver().now();
    Control attempt = new Control(settings.server.host());
    attempt.open(settings.local, address);
    if (!untried.isEmpty()) {
      patience = driver()
          .eventLoop()
          .schedule(
              () -> giveUp("no answer of " + address.ip() + " in " + PATIENCE.toSeconds() + " s"),
              PATIENCE.toMillis(),
              TimeUnit.MILLISECONDS);
    }
  }

  /** This address gave no allocation: the next one is tried, or that was it. */
  private void giveUp(String reason) {
    stopWaiting();
    if (allocated.isDone() || ended) {
      return;
    }
    if (untried.isEmpty()) {
      refuse(reason, null);
    } else {
      drop();
      tryNext();
    }
  }

  private void stopWaiting() {
    if (patience != null) {
      patience.cancel(false);
      patience = null;
    }
  }

  private void refuse(String reason, @Nullable ErrorCode error) {
    allocated.completeExceptionally(new TurnClient.Refused(reason, error, certificate));
  }

  // commands

  /** From any thread; without effect while there is no machine. */
  void command(Command command) {
    command(command, new CompletableFuture<>());
  }

  /** From any thread. What the caller did wrong fails the future. */
  <T> void command(Command command, CompletableFuture<T> answer) {
    boolean runs = driver().execute(() -> {
      TurnAllocation present = machine;
      if (present == null || ended) {
        answer.completeExceptionally(new IOException("there is no allocation"));
        return;
      }
      turn(now -> {
        try {
          command.on(present, now);
        } catch (IllegalStateException | IllegalArgumentException e) {
          answer.completeExceptionally(e);
        }
      });
    });
    if (!runs) {
      answer.completeExceptionally(new IOException("the runtime is closed"));
    }
  }

  void permit(List<TransportAddress> peers, CompletableFuture<Void> done) {
    allocated.whenComplete((allocation, e) -> {
      if (e != null || ended) {
        done.completeExceptionally(
            e == null ? new TurnClient.Refused("there is no allocation", null, null) : e);
      } else {
        permitNow(peers, done);
      }
    });
  }

  private void permitNow(List<TransportAddress> peers, CompletableFuture<Void> done) {
    List<CompletableFuture<Void>> all = new ArrayList<>();
    for (TransportAddress peer : peers) {
      if (!permitted.contains(peer.ip())) {
        CompletableFuture<Void> one = new CompletableFuture<>();
        permitting.computeIfAbsent(peer.ip(), ip -> new ArrayList<>()).add(one);
        all.add(one);
      }
    }
    CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0])).whenComplete((nothing, e) -> {
      if (e == null) {
        done.complete(null);
      } else {
        done.completeExceptionally(e.getCause() == null ? e : e.getCause());
      }
    });
    command((allocation, now) -> allocation.permit(peers, now), done);
  }

  boolean send(TransportAddress peer, ByteBuffer payload) {
    TurnAllocation present = machine;
    if (present == null || ended) {
      return false;
    }
    TurnAllocation.SendResult[] result = {TurnAllocation.SendResult.NO_ALLOCATION};
    int position = payload.position();
    turn(now -> result[0] = present.send(peer, payload, now));
    payload.position(position);
    return result[0] == TurnAllocation.SendResult.SENT;
  }

  void connect(TransportAddress peer, CompletableFuture<TurnStream> done) {
    if (connecting.putIfAbsent(peer, done) != null) {
      done.completeExceptionally(
          new IllegalStateException("connect: a connection to " + peer + " is being opened"));
      return;
    }
    done.whenComplete((stream, e) -> connecting.remove(peer, done));
    command((allocation, now) -> allocation.connect(peer, now), done);
  }

  void move(@Nullable IpAddress from, CompletableFuture<FiveTuple> done) {
    FiveTuple path = machine == null ? null : machine.path();
    if (path == null || ended) {
      done.completeExceptionally(new IOException("there is no allocation"));
      return;
    }
    new Connection(settings.server.host()) {
      @Override
      void opened(FiveTuple opened) {
        moving.put(opened, done);
        done.whenComplete((moved, e) -> {
          moving.remove(opened);
          if (e != null) {
            closePath(opened);
          }
        });
        command((allocation, now) -> allocation.move(opened, now), done);
      }

      @Override
      void failed(String reason) {
        done.completeExceptionally(new TurnClient.Refused(reason, null, null));
      }
    }.open(from, path.remote());
  }

  void close() {
    if (ended) {
      return;
    }
    TurnAllocation present = machine;
    stopWaiting();
    untried.clear();
    refuse("the client was closed", null);
    if (present == null) {
      end("the client was closed");
    } else {
      turn(present::close);
    }
  }

  @Override
  public void shutDown() {
    close();
    end("the runtime was closed"); // nothing can be given back any more
  }

  /** Closes whatever is open. */
  private void drop() {
    control = null;
    List.copyOf(opening).forEach(ServerConnection::close);
    opening.clear();
    connections.values().forEach(ServerConnection::close);
    connections.clear();
  }

  private void end(String reason) {
    if (ended) {
      return;
    }
    ended = true;
    stopWaiting();
    if (machine != null) {
      detach();
    }
    drop();
    List.copyOf(streams.values()).forEach(stream -> stream.end(reason));
    streams.clear();
    refuse(reason, null);
    TurnClient.Refused over = new TurnClient.Refused(reason, null, null);
    failAll(over);
    closed.complete(null);
  }

  private void failAll(TurnClient.Refused reason) {
    List<CompletableFuture<?>> all = new ArrayList<>(connecting.values());
    all.addAll(moving.values());
    permitting.values().forEach(all::addAll);
    permitting.clear();
    all.forEach(each -> each.completeExceptionally(reason));
  }

  // what the machine says

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    ServerConnection connection = connections.get(path);
    if (connection != null) {
      connection.transmit(header, payload);
    }
  }

  @Override
  public void deliver(TransportAddress peer, ByteBuffer payload) {
    deliveredFrom = peer;
    delivered = payload;
    deliveredPosition = payload.position();
    deliveredLimit = payload.limit();
  }

  @Override
  public void request(TurnRequest request) {
    requests.add(request);
  }

  @Override
  public void event(TurnEvent event) {
    events.add(event);
  }

  @Override
  public void dispatch() {
    while (true) {
      TurnRequest request = requests.poll();
      if (request != null) {
        handle(request);
        continue;
      }
      TurnEvent event = events.poll();
      if (event != null) {
        note(event);
        tell(event);
        continue;
      }
      if (delivered == null || deliveredFrom == null) {
        break;
      }
      handOver(deliveredFrom, delivered);
    }
  }

  private void handOver(TransportAddress peer, ByteBuffer payload) {
    delivered = null;
    payload.limit(deliveredLimit).position(deliveredPosition);
    try {
      settings.data.onData(peer, payload);
    } catch (Throwable e) { // an Error, too: it is the application's own
      LOGGER.log(Level.ERROR, "the application's handler of data threw", e);
    }
  }

  private void tell(TurnEvent event) {
    try {
      settings.events.accept(event);
    } catch (Throwable e) {
      LOGGER.log(Level.ERROR, "the application's handler of events threw", e);
    }
  }

  private void handle(TurnRequest request) {
    String host = settings.server.host();
    if (request instanceof TurnRequest.Close close) {
      closePath(close.path());
    } else if (request instanceof TurnRequest.Open open) {
      String domain = open.domain();
      new Control(domain == null ? host : domain).open(open.local(), open.server());
    } else if (request instanceof TurnRequest.OpenConnection open) {
      String domain = open.domain();
      new Data(domain == null ? host : domain, open.connectionId())
          .open(open.local(), open.server());
    }
  }

  private void closePath(FiveTuple path) {
    ServerConnection connection = connections.remove(path);
    if (connection != null) {
      connection.close();
    }
  }

  private void note(TurnEvent event) {
    if (event instanceof TurnEvent.Allocated it) {
      allocated(it);
    } else if (event instanceof TurnEvent.Refused it) {
      refused(it);
    } else if (event instanceof TurnEvent.Lost it) {
      permitted.clear();
      failAll(new TurnClient.Refused(it.reason(), it.error(), null));
    } else if (event instanceof TurnEvent.PermissionInstalled it) {
      permitted.add(it.peer());
      answer(permitting.remove(it.peer()), null);
    } else if (event instanceof TurnEvent.PermissionRefused it) {
      permitted.remove(it.peer());
      answer(permitting.remove(it.peer()), refusal(it.failure(), it.error()));
    } else if (event instanceof TurnEvent.Connected it) {
      connected(it);
    } else if (event instanceof TurnEvent.ConnectRefused it) {
      fail(connecting.get(it.peer()), refusal(it.failure(), it.error()));
    } else if (event instanceof TurnEvent.Moved it) {
      CompletableFuture<FiveTuple> done = moving.get(it.path());
      if (done != null) {
        done.complete(it.path());
      }
    } else if (event instanceof TurnEvent.MoveRefused it) {
      fail(moving.get(it.path()), refusal(it.failure(), it.error()));
    } else if (event instanceof TurnEvent.Closed) {
      end("the client was closed");
    }
  }

  private void allocated(TurnEvent.Allocated it) {
    stopWaiting();
    FiveTuple path = machine().path();
    if (path != null) {
      long now = driver().now();
      TurnClient.Times times = new TurnClient.Times(
          Duration.ofNanos(foundAt - begunAt),
          Duration.ofNanos(connectedAt - foundAt),
          Duration.ofNanos(now - connectedAt));
      allocated.complete(new TurnClient.Allocation(
          it.relayed(),
          it.mapped(),
          it.lifetime(),
          it.mobile(),
          it.missing(),
          it.reservationToken(),
          path,
          certificate,
          times));
    }
  }

  private void refused(TurnEvent.Refused it) {
    boolean silent = it.failure() == Failure.TIMEOUT || it.failure() == Failure.UNREACHABLE;
    ErrorCode error = it.error();
    String reason = error == null
        ? it.reason()
        : it.reason() + " (" + error.code() + " " + error.reason() + ")";
    if (silent && !untried.isEmpty()) {
      driver().executeLater(() -> giveUp(reason)); // the machine has to end its turn first
    } else {
      stopWaiting();
      refuse(reason, error);
    }
  }

  private void connected(TurnEvent.Connected it) {
    ServerConnection connection = connections.get(it.path());
    CompletableFuture<TurnStream> asked = it.incoming() ? null : connecting.get(it.peer());
    if (connection == null) {
      return;
    }
    TurnStream stream = new TurnStream(driver(), connection, it.peer(), it.incoming());
    stream.begin();
    connections.remove(it.path());
    streams.put(it.path(), stream);
    stream.closed().whenComplete((nothing, e) -> streams.remove(it.path(), stream));
    if (asked != null) {
      asked.complete(stream);
    } else if (it.incoming()) {
      settings.streams.accept(stream);
    } else {
      stream.close(); // nobody waits for it
    }
  }

  private static TurnClient.Refused refusal(Failure failure, @Nullable ErrorCode error) {
    String reason = error != null
        ? "the server refuses: " + error.code() + " " + error.reason()
        : switch (failure) {
          case TIMEOUT -> "the server does not answer";
          case UNREACHABLE -> "the server can't be reached";
          case UNAUTHENTICATED -> "the server does not take the credential";
          case INTEGRITY_VIOLATION -> "answers came without the integrity that they must have";
          default -> "the answer makes no sense";
        };
    return new TurnClient.Refused(reason, error, null);
  }

  private static void answer(
      @Nullable Collection<CompletableFuture<Void>> waiting, TurnClient.@Nullable Refused reason) {
    for (CompletableFuture<Void> each :
        waiting == null ? List.<CompletableFuture<Void>>of() : waiting) {
      if (reason == null) {
        each.complete(null);
      } else {
        each.completeExceptionally(reason);
      }
    }
  }

  private static void fail(@Nullable CompletableFuture<?> waiting, TurnClient.Refused reason) {
    if (waiting != null) {
      waiting.completeExceptionally(reason);
    }
  }

  // connections

  /** A connection to the server, and what it is for. */
  private abstract class Connection implements ServerConnection.Owner {
    private final String host;

    @Nullable ServerConnection it;

    Connection(String host) {
      this.host = host;
    }

    void open(@Nullable IpAddress from, TransportAddress server) {
      boolean secure = settings.server.scheme().isSecure();
      it = ServerConnection.open(
          driver(), new ServerAddress(from, server, secure, host), settings.connections, this);
      opening.add(it);
    }

    abstract void opened(FiveTuple path);

    abstract void failed(String reason);

    @Override
    public final void handleConnected(ServerConnection connection) {
      opening.remove(connection);
      connections.put(connection.path(), connection);
      opened(connection.path());
    }

    @Override
    public final void handleConnectFailed(String reason) {
      opening.remove(it);
      failed(reason);
    }

    @Override
    public final void handleDatagram(FiveTuple path, ByteBuffer message) {
      DrivenTurnClient.this.handleDatagram(path, message);
    }

    @Override
    public final void handleClosed(ServerConnection connection, String reason) {
      FiveTuple path = connection.path();
      TurnStream stream = streams.get(path);
      if (stream != null) {
        stream.end(reason);
      } else if (connections.remove(path, connection)) {
        command((allocation, now) -> allocation.handleUnreachable(path, now));
      }
    }

    @Override
    public final void handleUnreachable(ServerConnection connection, String reason) {
      command((allocation, now) -> allocation.handleUnreachable(connection.path(), now));
    }
  }

  /** The one that the allocation belongs to. */
  private final class Control extends Connection {
    Control(String host) {
      super(host);
    }

    @Override
    void opened(FiveTuple path) {
      boolean first = control == null;
      control = it;
      certificate = it == null ? null : it.certificate();
      connectedAt = first ? driver().now() : connectedAt;
      if (first) {
        CompletableFuture<Void> wrong = new CompletableFuture<>();
        wrong.whenComplete((nothing, e) -> refuse(String.valueOf(e.getMessage()), null));
        command((allocation, now) -> allocation.start(path, now), wrong);
      } else {
        command((allocation, now) -> allocation.handleOpened(path, now));
      }
    }

    @Override
    void failed(String reason) {
      if (control == null) {
        certificate = it == null ? null : it.certificate();
        giveUp(reason);
      } else {
        command((allocation, now) -> allocation.handleOpenFailed(reason, now));
      }
    }
  }

  /** One that carries the bytes of a peer. */
  private final class Data extends Connection {
    private final int id;

    Data(String host, int id) {
      super(host);
      this.id = id;
    }

    @Override
    void opened(FiveTuple path) {
      command((allocation, now) -> allocation.handleConnectionOpened(id, path, now));
    }

    @Override
    void failed(String reason) {
      command((allocation, now) -> allocation.handleConnectionFailed(id));
    }
  }
}
