package dev.frazil.lab.interop;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnClient;
import dev.frazil.netty.TurnClientBuilder;
import dev.frazil.netty.TurnStream;
import java.io.DataInputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * What {@code frazil check} does not do, in a network namespace: {@code streams URI USER PASSWORD HERE TRUST} opens TCP
 * connections with a peer on this host both ways, {@code move URI USER PASSWORD HERE TRUST THERE} takes an allocation to
 * another address of this host, {@code fragments URI USER PASSWORD HERE TRUST} forbids fragments of datagrams to a peer on
 * this host. Prints what it found and ends with 0, or with an exception.
 */
final class TurnProbe {
  private static final long LIMIT_SECONDS = 20;
  private static final int LONGER_THAN_THE_LINK = 1600;

  private final TurnClientBuilder builder;
  private final InetAddress here;

  private TurnProbe(IceRuntime runtime, String[] arguments) throws Exception {
    builder = TurnClient.builder(runtime, arguments[1])
        .credential(arguments[2], arguments[3])
        .trustedAuthorities(Path.of(arguments[5]));
    here = InetAddress.getByName(arguments[4]);
  }

  public static void main(String[] arguments) throws Exception {
    try (IceRuntime runtime = IceRuntime.create()) {
      TurnProbe probe = new TurnProbe(runtime, arguments);
      switch (arguments[0]) {
        case "streams" -> probe.streams();
        case "fragments" -> {
          probe.fragments(true);
          probe.fragments(false);
        }
        default -> probe.move(IpAddress.parse(arguments[6]));
      }
    }
  }

  private static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(LIMIT_SECONDS, TimeUnit.SECONDS);
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }

  private void streams() throws Exception {
    BlockingQueue<TurnStream> incoming = new LinkedBlockingQueue<>();
    TurnClient client = builder
        .configure(settings -> settings.transport(Transport.TCP))
        .onStream(incoming::add)
        .open();
    TurnClient.Allocation allocation = await(client.allocated());
    TransportAddress relayed = allocation.relayed().get(0);
    try (ServerSocket listening = new ServerSocket(0, 5, here)) {
      TransportAddress peer = new TransportAddress(
          IpAddress.of(here.getAddress()), listening.getLocalPort(), Transport.TCP);
      await(client.permit(List.of(peer)));
      CompletableFuture<TurnStream> connecting = client.connect(peer);
      try (Socket accepted = listening.accept()) {
        exchange(await(connecting), accepted);
        System.out.println("connected to a peer");
      }
      try (Socket caller = new Socket()) {
        caller.bind(new InetSocketAddress(here, 0));
        caller.connect(new InetSocketAddress(
            InetAddress.getByAddress(relayed.ip().toBytes()), relayed.port()));
        TurnStream stream = incoming.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
        require(stream != null && stream.isIncoming(), "no connection came in");
        exchange(stream, caller);
        System.out.println("a peer connected");
      }
    }
    client.close();
    await(client.closed());
  }

  /** A mebibyte each way, since a stream may be cut anywhere. */
  private static void exchange(TurnStream stream, Socket peer) throws Exception {
    peer.setSoTimeout((int) TimeUnit.SECONDS.toMillis(LIMIT_SECONDS));
    byte[] bytes = new byte[512 * 1024];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 31 >> 3);
    }
    ByteBuffer came = ByteBuffer.allocate(bytes.length);
    CompletableFuture<Void> all = new CompletableFuture<>();
    stream.receive(part -> {
      came.put(part);
      if (!came.hasRemaining()) {
        all.complete(null);
      }
    });
    CompletableFuture<Void> sent = stream.send(ByteBuffer.wrap(bytes));
    byte[] heard = new byte[bytes.length];
    new DataInputStream(peer.getInputStream()).readFully(heard);
    await(sent);
    require(Arrays.equals(heard, bytes), "the peer heard something else");
    peer.getOutputStream().write(bytes);
    await(all);
    require(came.flip().equals(ByteBuffer.wrap(bytes)), "something else came from the peer");
    peer.close();
    await(stream.closed());
  }

  private void fragments(boolean forbidden) throws Exception {
    TurnClient client =
        builder.configure(settings -> settings.dontFragment(forbidden)).open();
    await(client.allocated());
    try (DatagramSocket peer = new DatagramSocket(new InetSocketAddress(here, 0))) {
      peer.setSoTimeout((int) TimeUnit.SECONDS.toMillis(LIMIT_SECONDS));
      TransportAddress address =
          TransportAddress.udp(IpAddress.of(here.getAddress()), peer.getLocalPort());
      await(client.permit(List.of(address)));
      for (int length : new int[] {LONGER_THAN_THE_LINK, 1000}) {
        client.send(address, ByteBuffer.allocate(length));
      }
      DatagramPacket first = new DatagramPacket(new byte[4096], 4096);
      peer.receive(first);
      System.out.println(
          "fragments forbidden: " + forbidden + ", first came " + first.getLength() + " bytes");
    }
    client.close();
    await(client.closed());
  }

  private void move(IpAddress there) throws Exception {
    BlockingQueue<String> data = new LinkedBlockingQueue<>();
    TurnClient client = builder
        .localAddress(IpAddress.of(here.getAddress()))
        .configure(settings -> settings.mobility(true))
        .onData((peer, payload) ->
            data.add(StandardCharsets.US_ASCII.decode(payload).toString()))
        .open();
    TurnClient.Allocation allocation = await(client.allocated());
    require(allocation.mobile(), "the allocation is not mobile");
    try (DatagramSocket peer = new DatagramSocket(new InetSocketAddress(here, 0))) {
      peer.setSoTimeout((int) TimeUnit.SECONDS.toMillis(LIMIT_SECONDS));
      TransportAddress address =
          TransportAddress.udp(IpAddress.of(here.getAddress()), peer.getLocalPort());
      await(client.permit(List.of(address)));
      exchange(client, peer, address, data);
      FiveTuple moved = await(client.move(there));
      require(moved.local().ip().equals(there), "it is at " + moved);
      exchange(client, peer, address, data);
      System.out.println("moved with its relayed address");
    }
    client.close();
    await(client.closed());
  }

  private static void exchange(
      TurnClient client, DatagramSocket peer, TransportAddress address, BlockingQueue<String> data)
      throws Exception {
    require(client.send(address, ByteBuffer.wrap("ping".getBytes())), "it was dropped");
    DatagramPacket packet = new DatagramPacket(new byte[100], 100);
    peer.receive(packet);
    peer.send(new DatagramPacket("pong".getBytes(), 4, packet.getSocketAddress()));
    require("pong".equals(data.poll(LIMIT_SECONDS, TimeUnit.SECONDS)), "no answer came");
  }
}
