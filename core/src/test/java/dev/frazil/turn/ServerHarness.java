package dev.frazil.turn;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A TURN server in virtual time whose outbox is a list, and scripted clients that talk to it. */
final class ServerHarness implements TurnServerOutbox {
  static final String REALM = "example.org";
  static final LongTermCredential USER = new LongTermCredential("user", "pass");
  static final LongTermCredential OTHER = new LongTermCredential("other", "word");
  static final IpAddress SERVER = IpAddress.parse("192.0.2.1");
  static final IpAddress SERVER6 = IpAddress.parse("2001:db8::1");
  static final TransportAddress LISTENER = new TransportAddress(SERVER, 3478, Transport.UDP);
  static final TransportAddress STREAM_LISTENER = new TransportAddress(SERVER, 3478, Transport.TCP);
  static final TransportAddress PEER = TransportAddress.udp("198.51.100.7", 4000);
  static final TransportAddress PEER6 = TransportAddress.udp("2001:db8:2::7", 4000);
  static final int UDP = 17;

  /** What the server sent. */
  record Sent(FiveTuple path, ByteBuffer bytes, boolean unfragmented) {
    StunMessage message() {
      return StunMessage.tryParse(bytes);
    }
  }

  final Random random = new Random(1);
  final List<Sent> sent = new ArrayList<>();
  final List<TurnServerEvent> events = new ArrayList<>();
  final Set<TransportAddress> bound = new HashSet<>();
  final Set<Integer> taken = new HashSet<>();
  final List<FiveTuple> connects = new ArrayList<>();
  final List<List<FiveTuple>> joined = new ArrayList<>();
  final List<FiveTuple> closed = new ArrayList<>();
  final TurnServer server;
  Predicate<TransportAddress> bindable = address -> true;
  long now = 1_000_000_000_000L;

  ServerHarness() {
    this(builder -> {});
  }

  ServerHarness(Consumer<TurnServerConfiguration.Builder> settings) {
    this(settings, true);
  }

  private ServerHarness(Consumer<TurnServerConfiguration.Builder> settings, boolean usual) {
    TurnServerConfiguration configuration;
    if (usual) {
      configuration = configuration(settings);
    } else {
      TurnServerConfiguration.Builder builder = TurnServerConfiguration.builder(random);
      settings.accept(builder);
      configuration = builder.build();
    }
    server = new TurnServer(configuration, this);
  }

  /** One without the usual realm and relays. */
  static ServerHarness bare(Consumer<TurnServerConfiguration.Builder> settings) {
    return new ServerHarness(settings, false);
  }

  TurnServerConfiguration configuration(Consumer<TurnServerConfiguration.Builder> settings) {
    TurnServerConfiguration.Builder builder = TurnServerConfiguration.builder(random)
        .realm(REALM, ServerHarness::key)
        .relay(TurnServerConfiguration.Relay.of(SERVER))
        .relay(TurnServerConfiguration.Relay.of(SERVER6));
    settings.accept(builder);
    return builder.build();
  }

  static @Nullable IntegrityKey key(String username, String realm, PasswordAlgorithm algorithm) {
    for (LongTermCredential user : List.of(USER, OTHER)) {
      if (user.username().equals(username)) {
        return user.key(realm, algorithm);
      }
    }
    return null;
  }

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    sent.add(new Sent(path, copy(header, payload), false));
  }

  @Override
  public void transmitUnfragmented(FiveTuple path, ByteBuffer payload) {
    sent.add(new Sent(path, copy(payload, ByteBuffer.allocate(0)), true));
  }

  private static ByteBuffer copy(ByteBuffer header, ByteBuffer payload) {
    ByteBuffer bytes = ByteBuffer.allocate(header.remaining() + payload.remaining());
    return bytes.put(header.duplicate()).put(payload.duplicate()).flip();
  }

  @Override
  public boolean bind(TransportAddress relayed) {
    return bindable.test(relayed) && !taken.contains(relayed.port()) && bound.add(relayed);
  }

  @Override
  public void unbind(TransportAddress relayed) {
    if (!bound.remove(relayed)) {
      throw new AssertionError(relayed + " was not bound");
    }
  }

  @Override
  public void connect(FiveTuple path) {
    connects.add(path);
  }

  @Override
  public void join(FiveTuple client, FiveTuple peer) {
    joined.add(List.of(client, peer));
  }

  @Override
  public void close(FiveTuple stream) {
    closed.add(stream);
  }

  @Override
  public void event(TurnServerEvent event) {
    events.add(event);
  }

  /** Lets time pass, waking the server when it wants to be woken. */
  void pass(Duration time) {
    long until = now + time.toNanos();
    while (server.nextTimeout() <= until) {
      now = Math.max(now, server.nextTimeout());
      server.handleTimeout(now);
    }
    now = until;
  }

  void passSeconds(long seconds) {
    pass(Duration.ofSeconds(seconds));
  }

  /** Hands a datagram in as runtimes do: in the middle of a larger buffer that can't be written. */
  List<Sent> handle(FiveTuple path, ByteBuffer datagram) {
    ByteBuffer large = ByteBuffer.allocate(datagram.remaining() + 30);
    for (int i = 0; i < large.capacity(); i++) {
      large.put(i, (byte) 0x5A);
    }
    large.put(7, datagram, datagram.position(), datagram.remaining());
    ByteBuffer borrowed = large.asReadOnlyBuffer();
    int before = sent.size();
    server.handleDatagram(path, borrowed.limit(7 + datagram.remaining()).position(7), now);
    return List.copyOf(sent.subList(before, sent.size()));
  }

  /** A peer sends to a relayed address. */
  List<Sent> peerSends(TransportAddress relayed, TransportAddress peer, byte... payload) {
    return handle(new FiveTuple(relayed, peer), ByteBuffer.wrap(payload));
  }

  long dropped(TurnServer.Drop reason) {
    return server.statistics().dropped().get(reason);
  }

  Client client(int port) {
    return client(TransportAddress.udp("203.0.113.5", port));
  }

  Client client(TransportAddress address) {
    IpAddress local = address.ip().isIpv4() ? SERVER : SERVER6;
    return new Client(
        new FiveTuple(new TransportAddress(local, 3478, address.transport()), address));
  }

  Client streamClient(int port) {
    return client(new TransportAddress(IpAddress.parse("203.0.113.5"), port, Transport.TCP));
  }

  static int code(@Nullable StunMessage response) {
    ErrorCode error = response == null ? null : response.get(AttributeType.ERROR_CODE);
    return response == null ? -1 : error == null ? 0 : error.code();
  }

  /** A client that logs in as RFC 5389 has it, with MD5, unless told otherwise. */
  final class Client {
    FiveTuple path;
    LongTermCredential user = USER;

    @Nullable IntegrityKey key;

    @Nullable String username;

    @Nullable String nonce;

    TransactionId lastId = new TransactionId(0, 0);
    int requests;

    Client(FiveTuple path) {
      this.path = path;
    }

    Client as(LongTermCredential credential) {
      user = credential;
      return this;
    }

    /** The same user at another address. */
    Client movedTo(int port) {
      Client moved = new Client(new FiveTuple(path.local(), path.remote().withPort(port)));
      moved.user = user;
      return moved;
    }

    TransactionId newId() {
      lastId = TransactionId.random(random);
      return lastId;
    }

    @Nullable StunMessage send(ByteBuffer datagram) {
      List<Sent> answers = handle(path, datagram);
      return answers.isEmpty() ? null : answers.get(answers.size() - 1).message();
    }

    /** A request without credentials. */
    @Nullable StunMessage bare(int method, Consumer<StunBuilder> attributes) {
      StunBuilder builder = StunBuilder.request(method, newId(), ByteBuffer.allocate(70_000));
      attributes.accept(builder);
      return send(builder.finish());
    }

    void login() {
      nonce = bare(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, UDP))
          .get(AttributeType.NONCE);
    }

    /** A request with credentials; a stale nonce is replaced once. */
    @Nullable StunMessage request(int method, Consumer<StunBuilder> attributes) {
      if (nonce == null) {
        login();
      }
      StunMessage response = send(signed(method, newId(), attributes));
      if (code(response) == ErrorCode.STALE_NONCE) {
        nonce = response.get(AttributeType.NONCE);
        response = send(signed(method, newId(), attributes));
      }
      return response;
    }

    ByteBuffer signed(int method, TransactionId id, Consumer<StunBuilder> attributes) {
      StunBuilder builder = StunBuilder.request(method, id, ByteBuffer.allocate(70_000));
      attributes.accept(builder);
      String name = username == null ? user.username() : username;
      builder.put(AttributeType.USERNAME, name).put(AttributeType.REALM, REALM);
      return builder.put(AttributeType.NONCE, nonce).integrity(signingKey()).finish();
    }

    IntegrityKey signingKey() {
      return key == null ? user.key(REALM, PasswordAlgorithm.MD5) : key;
    }

    @Nullable StunMessage allocate(Consumer<StunBuilder> attributes) {
      return request(Method.ALLOCATE, b -> {
        b.put(AttributeType.REQUESTED_TRANSPORT, UDP);
        attributes.accept(b);
      });
    }

    /** Allocates, and tells the relayed address. */
    TransportAddress allocate() {
      StunMessage response = allocate(b -> {});
      if (code(response) != 0) {
        throw new AssertionError("Allocate: " + code(response));
      }
      return response.get(AttributeType.XOR_RELAYED_ADDRESS);
    }

    int refresh(Consumer<StunBuilder> attributes) {
      return code(request(Method.REFRESH, attributes));
    }

    int release() {
      return refresh(b -> b.put(AttributeType.LIFETIME, 0));
    }

    int permit(TransportAddress... peers) {
      return code(request(Method.CREATE_PERMISSION, b -> {
        for (TransportAddress peer : peers) {
          b.put(AttributeType.XOR_PEER_ADDRESS, peer);
        }
      }));
    }

    int bind(int number, TransportAddress peer) {
      return code(request(
          Method.CHANNEL_BIND,
          b -> b.put(AttributeType.CHANNEL_NUMBER, number)
              .put(AttributeType.XOR_PEER_ADDRESS, peer)));
    }

    /** A Send indication. */
    List<Sent> indicate(TransportAddress peer, byte... payload) {
      return indicate(b -> b.put(AttributeType.XOR_PEER_ADDRESS, peer)
          .put(AttributeType.DATA, ByteBuffer.wrap(payload)));
    }

    List<Sent> indicate(Consumer<StunBuilder> attributes) {
      StunBuilder builder =
          StunBuilder.indication(Method.SEND, newId(), ByteBuffer.allocate(70_000));
      attributes.accept(builder);
      return handle(path, builder.finish());
    }

    List<Sent> channelData(int number, byte... payload) {
      ByteBuffer message = ByteBuffer.allocate(4 + payload.length);
      message.putShort((short) number).putShort((short) payload.length).put(payload);
      return handle(path, message.flip());
    }
  }
}
