package dev.frazil.netty;

import dev.frazil.ice.IceAgent;
import dev.frazil.ice.IceConfiguration;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceOutbox;
import dev.frazil.ice.IceRequest;
import dev.frazil.ice.InterfaceAddress;
import dev.frazil.ice.SendResult;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.client.ServerAddress;
import dev.frazil.netty.client.ServerConnection;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.Driven;
import io.netty.buffer.ByteBuf;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The side of a session that lives on its event loop: does what the agent asks for, and hands what it says to the
 * application once the agent's call is over.
 */
final class DrivenAgent extends Driven implements IceOutbox {
  private static final System.Logger LOGGER = System.getLogger(DrivenAgent.class.getName());

  private final IceRuntime runtime;
  private final SessionSettings settings;
  private final Published published;
  private final Inbox @Nullable [] inboxes;
  private final IceAgent agent;
  private final InterfaceWatch.Listener watcher = new Watcher();
  private final Map<TransportAddress, DatagramPort> ports = new HashMap<>(4);
  private final Map<FiveTuple, ServerConnection> connections = new HashMap<>(0);
  private final Set<ServerConnection> connecting = new HashSet<>(0);
  private final Queue<IceRequest> requests = new ArrayDeque<>(2);
  private final Queue<IceEvent> events = new ArrayDeque<>(2);
  private int sockets;
  private boolean watching;
  private boolean closing;
  private boolean ended;
  private boolean left;
  private boolean toldTooLong;

  // What the call to the agent that goes on delivered; there is at most one payload in a datagram.
  private @Nullable ByteBuffer delivered;
  private int deliveredStream;
  private int deliveredComponent;
  private int deliveredPosition;
  private int deliveredLimit;

  // What the application sends in the call that goes on.
  private @Nullable ByteBuf outgoing;
  private @Nullable ByteBuffer outgoingPayload;
  private boolean dropped;

  /** Called on the application's thread; everything else happens on the event loop. */
  DrivenAgent(
      IceRuntime runtime,
      IceConfiguration configuration,
      SessionSettings settings,
      Published published,
      Inbox @Nullable [] inboxes) {
    super(runtime.nextDriver());
    this.runtime = runtime;
    this.settings = settings;
    this.published = published;
    this.inboxes = inboxes;
    agent = new IceAgent(configuration, this);
    long now = driver().now();
    for (int i = 0; i < settings.streams(); i++) {
      int stream = agent.addStream(settings.components(), now);
      published.local.set(stream, agent.localParameters(stream));
    }
  }

  IceAgent agent() {
    return agent;
  }

  @Override
  public ProtocolMachine machine() {
    return agent;
  }

  void start() {
    if (!closing) {
      watching = true;
      runtime.interfaces().subscribe(settings.interfaces(), watcher);
    }
  }

  /** Makes a call to the agent, unless it is closed. */
  void command(Call call) {
    if (!closing) {
      turn(call);
    }
  }

  /** Makes a call that the agent may refuse as a mistake of the caller; the refusal, or null. */
  @Nullable RuntimeException attempt(Call call) {
    RuntimeException[] refusal = new RuntimeException[1];
    command(now -> {
      try {
        call.at(now);
      } catch (IllegalArgumentException | IllegalStateException e) {
        refusal[0] = e;
      }
    });
    return refusal[0];
  }

  /** Sends; the buffer is not changed. */
  SendResult send(int stream, int component, ByteBuffer payload) {
    if (ended) {
      return SendResult.NO_PATH;
    }
    int position = payload.position();
    driver().beginTurn();
    try {
      dropped = false;
      SendResult result = agent.send(stream, component, payload, driver().now());
      if (result == SendResult.SENT && dropped) {
        result = SendResult.DROPPED;
        agent.handleDiscarded(stream, component, payload.remaining());
        published.unsent.increment();
      }
      settle();
      return result;
    } finally {
      payload.position(position);
      driver().endTurn();
    }
  }

  /** Sends a datagram that is the session's own; it is not copied again. */
  void send(int stream, int component, ByteBuf payload) {
    try {
      outgoing = payload;
      outgoingPayload = payload.nioBuffer();
      send(stream, component, outgoingPayload);
    } finally {
      outgoing = null;
      outgoingPayload = null;
      payload.release();
    }
  }

  void close() {
    if (!closing) {
      closing = true;
      turn(agent::close);
    }
  }

  @Override
  public void shutDown() {
    close();
    leave(); // the event loop ends: nothing can be given back any more
  }

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    DatagramPort port = ports.get(path.local());
    if (port == null) {
      ServerConnection connection = connections.get(path);
      dropped |= connection == null || !connection.transmit(header, payload);
    } else if (outgoing != null && isOutgoing(header, payload)) {
      dropped |= !port.transmit(path.remote(), outgoing.retain());
    } else {
      dropped |= !port.transmit(path.remote(), header, payload);
    }
  }

  /** Whether the datagram is what the application sends, and nothing else. */
  private boolean isOutgoing(ByteBuffer header, ByteBuffer payload) {
    return header == outgoingPayload && !payload.hasRemaining()
        || payload == outgoingPayload && !header.hasRemaining();
  }

  @Override
  public void deliver(int stream, int component, ByteBuffer payload) {
    delivered = payload;
    deliveredStream = stream;
    deliveredComponent = component;
    deliveredPosition = payload.position();
    deliveredLimit = payload.limit();
  }

  @Override
  public void request(IceRequest request) {
    requests.add(request);
  }

  @Override
  public void event(IceEvent event) {
    events.add(event);
  }

  @Override
  public void dispatch() {
    while (true) {
      IceRequest request = requests.poll();
      if (request != null) {
        handle(request);
        continue;
      }
      IceEvent event = events.poll();
      if (event != null) {
        tell(event);
        continue;
      }
      if (delivered == null) {
        break;
      }
      handOver(delivered);
    }
    if (closing && !ended) {
      end();
    }
    if (ended && agent.nextTimeout() == ProtocolMachine.NEVER) {
      leave();
    }
  }

  private void handle(IceRequest request) {
    if (request instanceof IceRequest.Open open) {
      sockets++;
      DatagramPort.bind(
          driver(), open.address().address(), settings.sockets(), runtime.random(), new Base(open));
    } else if (request instanceof IceRequest.Close close) {
      DatagramPort port = ports.remove(close.base());
      if (port != null) {
        port.close();
      }
    } else if (request instanceof IceRequest.Connect connect) {
      new Connection(connect).open();
    } else if (request instanceof IceRequest.Disconnect disconnect) {
      ServerConnection connection = connections.remove(disconnect.path());
      if (connection != null) {
        connection.close();
      }
    } else if (request instanceof IceRequest.Resolve resolve) {
      runtime.names().lookUp(resolve.name(), addresses -> resolved(resolve, addresses));
    }
  }

  private void resolved(IceRequest.Resolve request, List<IpAddress> addresses) {
    driver().executeLater(() -> command(now -> agent.handleResolved(request, addresses, now)));
  }

  private void tell(IceEvent event) {
    published.note(event);
    try {
      settings.events().accept(event);
    } catch (Throwable e) { // an Error, too, such as a test's: it is the application's own
      LOGGER.log(Level.ERROR, "the application's handler of events threw", e);
    }
    published.complete(event);
  }

  private void handOver(ByteBuffer payload) {
    delivered = null;
    payload.limit(deliveredLimit).position(deliveredPosition);
    if (settings.data() == null) {
      if (inboxes != null) {
        Inbox inbox = inboxes[published.index(deliveredStream, deliveredComponent)];
        if (!inbox.offer(payload)) {
          published.unread.increment();
        }
      }
      return;
    }
    try {
      settings.data().onData(deliveredStream, deliveredComponent, payload);
    } catch (Throwable e) {
      LOGGER.log(Level.ERROR, "the application's handler of data threw", e);
    }
  }

  private void end() {
    ended = true;
    if (watching) {
      runtime.interfaces().unsubscribe(settings.interfaces(), watcher);
    }
    published.end("the session was closed");
    if (inboxes != null) {
      for (Inbox inbox : inboxes) {
        inbox.close("the session was closed");
      }
    }
  }

  /** The agent has nothing left to do: its allocations have been given back, which may take it a second. */
  private void leave() {
    if (!left) {
      left = true;
      detach();
      List.copyOf(ports.values()).forEach(DatagramPort::close);
      ports.clear();
      connecting.forEach(ServerConnection::close);
      connecting.clear();
      connections.values().forEach(ServerConnection::close);
      connections.clear();
      socketGone(0);
    }
  }

  private void socketGone(int count) {
    sockets -= count;
    if (left && sockets == 0) {
      published.closed.complete(null);
    }
  }

  /** Hears of the host's interfaces, on their own thread. */
  private final class Watcher implements InterfaceWatch.Listener {
    @Override
    public void changed(List<InterfaceAddress> addresses) {
      driver().executeLater(() -> command(now -> agent.setInterfaces(addresses, now)));
    }

    @Override
    public void failed(String reason) {
      IceEvent warning = new IceEvent.Warning("the host's interfaces can't be listed: " + reason);
      driver().executeLater(() -> command(now -> event(warning)));
    }
  }

  /** A connection to a TURN server. */
  private final class Connection implements ServerConnection.Owner {
    private final IceRequest.Connect request;
    private @Nullable ServerConnection opening;

    Connection(IceRequest.Connect request) {
      this.request = request;
    }

    void open() {
      ServerAddress where =
          new ServerAddress(request.local(), request.server(), request.secure(), request.host());
      try {
        opening = ServerConnection.open(driver(), where, settings.connections(), this);
        connecting.add(opening);
      } catch (IllegalArgumentException e) {
        String reason = String.valueOf(e.getMessage());
        driver().executeLater(() -> handleConnectFailed(reason));
      }
    }

    @Override
    public void handleConnected(ServerConnection connection) {
      connecting.remove(connection);
      connections.put(connection.path(), connection);
      turn(now -> agent.handleConnected(request, connection.path(), now));
    }

    @Override
    public void handleConnectFailed(String reason) {
      connecting.remove(opening);
      command(now -> agent.handleConnectFailed(request, reason, now));
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer message) {
      DrivenAgent.this.handleDatagram(path, message);
    }

    @Override
    public void handleClosed(ServerConnection connection, String reason) {
      if (connections.remove(connection.path(), connection)) {
        turn(now -> agent.handleDisconnected(connection.path(), reason, now));
      }
    }
  }

  /** What became of a request to open a socket. */
  private final class Base implements DatagramPort.Owner {
    private final IceRequest.Open request;

    Base(IceRequest.Open request) {
      this.request = request;
    }

    @Override
    public void handleBound(DatagramPort port) {
      port.closed().addListener(done -> socketGone(1));
      if (closing) {
        port.close();
      } else {
        ports.put(port.local(), port);
        turn(now -> agent.handleOpened(request, port.local(), now));
      }
    }

    @Override
    public void handleBindFailed(String reason) {
      command(now -> agent.handleOpenFailed(request, reason, now));
      socketGone(1);
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
      DrivenAgent.this.handleDatagram(path, datagram);
    }

    @Override
    public void handleTooLong(FiveTuple path) {
      published.tooLong.increment();
      if (!toldTooLong) {
        toldTooLong = true;
        int longest = settings.sockets().maxDatagram();
        turn(now -> event(new IceEvent.Warning("datagrams of more than " + longest
            + " bytes come from " + path.remote() + " and are dropped: see maxDatagramSize")));
      }
    }

    @Override
    public void handleBroken(DatagramPort port, String reason) {
      if (ports.remove(port.local(), port)) {
        turn(now -> agent.handleClosed(port.local(), reason, now));
      }
    }
  }
}
