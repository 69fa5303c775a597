package dev.frazil.linux;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.DatagramPort;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.netty.io.SocketSettings;
import dev.frazil.netty.io.Sockets;
import io.netty.buffer.ByteBuf;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import io.netty.util.concurrent.DefaultPromise;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;

/** A {@link DatagramPort} by system calls, told by Netty's epoll when there is something to receive. */
final class LinuxPort implements DatagramPort, EpollIoHandle {
  private static final System.Logger LOGGER = System.getLogger(LinuxPort.class.getName());

  /** A datagram that comes so soon after the last one is seldom alone. */
  private static final long SOON = 100_000;

  private static final int IPPROTO_IP = 0;

  /** So often in a row a port shows that it changed. */
  private static final int CONVINCING = 4;

  private final LinuxPorts ports;
  private final Socket socket;
  private final int fd;
  private final int scope;
  private final int maxDatagram;
  private final Owner owner;
  private final TransportAddress local;
  private final Paths paths;
  private final Promise<Void> end;
  private final IoRegistration registration;

  private boolean inBatches;
  private int doubts;
  private long lastTime;

  private int first = Outgoing.NONE;
  private int last = Outgoing.NONE;
  private int waiting;
  private int longestSegment = LONGEST;
  private boolean full;
  private boolean closed;

  /** Takes over a socket that is bound. */
  LinuxPort(LinuxPorts ports, Socket socket, int scope, SocketSettings settings, Owner owner)
      throws IOException {
    this.ports = ports;
    this.socket = socket;
    this.fd = socket.intValue();
    this.scope = scope;
    this.owner = owner;
    maxDatagram = settings.maxDatagram();
    local = SocketAddresses.toUdp(socket.localAddress(), scope);
    paths = new Paths(local, ports.paths);
    IoEventLoop loop = (IoEventLoop) ports.driver.eventLoop();
    end = new DefaultPromise<>(loop);
    Future<IoRegistration> registered = loop.register(this);
    if (!registered.isSuccess()) {
      socket.close();
      throw new IOException(registered.cause());
    }
    registration = registered.getNow();
    registration.submit(EpollIoOps.EPOLLIN);
  }

  @Override
  public FileDescriptor fd() {
    return socket;
  }

  @Override
  public TransportAddress local() {
    return local;
  }

  @Override
  public void sharePort() {
    try {
      socket.setReusePort(true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public int sendBuffer() {
    try {
      return socket.getSendBufferSize();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void handle(IoRegistration source, IoEvent event) {
    EpollIoOps what = ((EpollIoEvent) event).ops();
    if (full && what.contains(EpollIoOps.EPOLLOUT)) {
      full = false;
      registration.submit(EpollIoOps.EPOLLIN);
    }
    if (!closed && what.contains(EpollIoOps.EPOLLIN)) {
      receive();
    }
  }

  private void receive() {
    ports.driver.beginTurn(); // what a batch of datagrams is answered with leaves together, too
    try {
      if (inBatches) {
        receiveBatch();
      } else {
        receiveOne();
      }
    } finally {
      ports.driver.endTurn();
    }
  }

  /** A socket that few datagrams come to would be asked for a second one in vain. */
  private void receiveOne() {
    int length = ports.incoming.receiveOne(ports.calls, fd);
    if (length < 0) {
      return; // nothing is there, or the kernel tells of a datagram that was sent before
    }
    long now = ports.driver.now();
    consider(now - lastTime < SOON);
    lastTime = now;
    deliver(0, length);
  }

  private void receiveBatch() {
    Incoming incoming = ports.incoming;
    int count = incoming.receive(ports.calls, fd);
    consider(count <= 1);
    for (int i = 0; i < count && !closed; i++) {
      deliver(i, incoming.length(i));
    }
  }

  private void consider(boolean doubt) {
    doubts = doubt ? doubts + 1 : 0;
    if (doubts == CONVINCING) {
      inBatches = !inBatches;
      doubts = 0;
    }
  }

  private void deliver(int index, int length) {
    FiveTuple path = paths.path(ports.incoming.names(), ports.incoming.name(index));
    int segment = ports.incoming.segment(index, length);
    deliver(path, index, 0, Math.min(segment, length));
    for (int from = segment; from < length && !closed; from += segment) {
      deliver(path, index, from, Math.min(segment, length - from));
    }
  }

  private void deliver(FiveTuple path, int index, int from, int length) {
    ports.driver.received();
    try {
      if (length > maxDatagram) {
        owner.handleTooLong(path);
      } else {
        owner.handleDatagram(path, ports.incoming.datagram(index, from, length));
      }
    } catch (RuntimeException e) { // one datagram is no reason to stop
      LOGGER.log(Level.ERROR, "a defect in what a port works for", e);
    }
  }

  @Override
  public boolean transmit(TransportAddress remote, ByteBuffer header, ByteBuffer payload) {
    int length = header.remaining() + payload.remaining();
    if (!admits(remote, length)) {
      return false;
    }
    ByteBuffer datagram = ports.outgoing.begin(remote, length);
    append(datagram, header);
    append(datagram, payload);
    written();
    return true;
  }

  @Override
  public boolean transmit(TransportAddress remote, ByteBuf datagram) {
    try {
      if (!admits(remote, datagram.readableBytes())) {
        return false;
      }
      datagram.readBytes(ports.outgoing.begin(remote, datagram.readableBytes()));
      written();
      return true;
    } finally {
      datagram.release();
    }
  }

  @Override
  public boolean transmitUnfragmented(TransportAddress remote, ByteBuffer payload) {
    flush(); // what waits may be fragmented
    try {
      int usual = socket.getIntOpt(IPPROTO_IP, Sockets.MTU_DISCOVER);
      socket.setIntOpt(IPPROTO_IP, Sockets.MTU_DISCOVER, Sockets.MTU_DISCOVER_DO);
      boolean sent = transmit(remote, NOTHING, payload);
      flush();
      socket.setIntOpt(IPPROTO_IP, Sockets.MTU_DISCOVER, usual);
      return sent;
    } catch (IOException e) { // the socket is closed
      return false;
    }
  }

  private boolean admits(TransportAddress remote, int length) {
    if (closed || full || length > LONGEST || remote.ip().family() != local.ip().family()) {
      return false;
    }
    if (!ports.outgoing.hasRoom(length)) {
      ports.flush();
    }
    return !full;
  }

  private static void append(ByteBuffer datagram, ByteBuffer part) {
    int from = part.position();
    int length = part.remaining();
    datagram.put(datagram.position(), part, from, length); // it is borrowed
    datagram.position(datagram.position() + length);
  }

  private void written() {
    last = ports.outgoing.end(last);
    if (first == Outgoing.NONE) {
      first = last;
    }
    if (waiting++ == 0) {
      ports.flushLater(this);
    }
  }

  @Override
  public void flush() {
    if (waiting == 0) {
      return;
    }
    if (waiting == 1) {
      settle(sendOne(first));
    } else {
      sendAll();
    }
    ports.outgoing.release(waiting);
    ports.flushed();
    first = Outgoing.NONE;
    last = Outgoing.NONE;
    waiting = 0;
  }

  private int sendOne(int index) {
    return ports.outgoing.sendOne(ports.calls, fd, index, scope);
  }

  private void sendAll() {
    Outgoing outgoing = ports.outgoing;
    int messages = outgoing.build(first, scope, longestSegment);
    for (int sent = 0; sent < messages && !full; ) {
      int taken = outgoing.send(ports.calls, fd, sent, messages);
      if (taken > 0) {
        sent += taken;
      } else if (isTooLongARun(taken, outgoing.segmentOf(sent))) {
        int next = sent + 1 < messages ? outgoing.first(sent + 1) : Outgoing.NONE;
        for (int i = outgoing.first(sent); i != next && !full; i = outgoing.next(i)) {
          settle(sendOne(i));
        }
        sent++;
      } else {
        settle(taken);
        sent += taken == -SystemCalls.EINTR ? 0 : 1;
      }
    }
  }

  /** Whether the kernel can't cut a message: datagrams of that size are longer than the way to the peer takes whole. */
  private boolean isTooLongARun(int result, int segment) {
    boolean refused = result == -SystemCalls.EINVAL
        || result == -SystemCalls.EMSGSIZE
        || result == -SystemCalls.EIO;
    if (segment == 0 || !refused) {
      return false;
    }
    longestSegment = result == -SystemCalls.EIO ? 0 : Math.min(longestSegment, segment - 1);
    return true;
  }

  /** A datagram that can't be sent is a lost one: ICE finds out what that means. */
  private void settle(int result) {
    if (result == -SystemCalls.EAGAIN) {
      full = true; // until epoll tells otherwise
      registration.submit(EpollIoOps.EPOLLIN.with(EpollIoOps.EPOLLOUT));
    } else if (result < 0) {
      LOGGER.log(Level.DEBUG, () -> local + ": error " + -result);
    }
  }

  @Override
  public void close() {
    if (!closed) {
      flush();
      shut();
    }
  }

  private void shut() {
    closed = true;
    paths.close();
    registration.cancel();
  }

  /** The event loop lets go of the port: it was closed, or the event loop ends. */
  @Override
  public void unregistered() {
    boolean broken = !closed;
    closed = true;
    try {
      socket.close();
    } catch (IOException e) {
      LOGGER.log(Level.DEBUG, () -> local + ": " + e);
    }
    end.trySuccess(null);
    if (broken) {
      owner.handleBroken(this, "the socket was closed");
    }
  }

  @Override
  public Future<Void> closed() {
    return end;
  }
}
