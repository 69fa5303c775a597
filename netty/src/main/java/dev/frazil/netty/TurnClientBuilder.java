package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.StunUri;
import dev.frazil.turn.TurnConfiguration;
import dev.frazil.turn.TurnEvent;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Collects the settings of a {@link TurnClient}; each but the server has a default. */
public final class TurnClientBuilder extends ConnectionBuilder<TurnClientBuilder> {
  final IceRuntime runtime;
  final StunUri server;
  final Transport transport;
  Consumer<TurnConfiguration.Builder> configuration = builder -> {};
  TurnClient.DataHandler data = (peer, payload) -> {};
  Consumer<TurnEvent> events = event -> {};
  Consumer<TurnStream> streams = TurnStream::close;

  @Nullable IpAddress local;

  TurnClientBuilder(IceRuntime runtime, StunUri server) {
    boolean turn =
        server.scheme() == StunUri.Scheme.TURN || server.scheme() == StunUri.Scheme.TURNS;
    if (!turn) {
      throw new IllegalArgumentException("server " + server + ": must be turn: or turns:");
    }
    String named = server.transport();
    if (named != null && !named.equals("udp") && !named.equals("tcp")) {
      throw new IllegalArgumentException(
          "server " + server + ": transport must be udp or tcp, not " + named);
    }
    boolean tcp = named == null ? server.scheme().isSecure() : named.equals("tcp");
    this.runtime = runtime;
    this.server = server;
    this.transport = tcp ? Transport.TCP : Transport.UDP;
  }

  /** The account on the server; one of a REST service (its name holds a time) is like any other. */
  public TurnClientBuilder credential(String username, String password) {
    LongTermCredential credential = new LongTermCredential(username, password);
    return configure(builder -> builder.credential(credential));
  }

  /**
   * Says more about the allocation: families, lifetime, TCP to peers, mobility, an access token and so on.
   *
   * @param settings is asked once for each address of the server that is tried
   */
  public TurnClientBuilder configure(Consumer<TurnConfiguration.Builder> settings) {
    configuration = configuration.andThen(settings);
    return this;
  }

  /** Takes what peers send. Default: it is dropped. */
  public TurnClientBuilder onData(TurnClient.DataHandler handler) {
    data = Objects.requireNonNull(handler, "handler");
    return this;
  }

  /** Hears what happens to the allocation, on the event loop, which it must not block. */
  public TurnClientBuilder onEvent(Consumer<TurnEvent> handler) {
    events = Objects.requireNonNull(handler, "handler");
    return this;
  }

  /** Takes the TCP connections that peers open (RFC 6062). Default: they are closed. */
  public TurnClientBuilder onStream(Consumer<TurnStream> handler) {
    streams = Objects.requireNonNull(handler, "handler");
    return this;
  }

  /** The address of this host to speak from. Default: the system chooses. */
  public TurnClientBuilder localAddress(IpAddress value) {
    local = value;
    return this;
  }

  /**
   * Asks for the allocation; {@link TurnClient#allocated} tells what became of it.
   *
   * @throws IllegalArgumentException when settings exclude each other
   * @throws IllegalStateException when the runtime is closed
   */
  public TurnClient open() {
    return TurnClient.open(this);
  }

  @Override
  TurnClientBuilder self() {
    return this;
  }
}
