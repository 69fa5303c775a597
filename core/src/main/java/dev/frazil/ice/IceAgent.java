package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An ICE agent (RFC 8445): finds a path for each component of each stream, agrees on it with the peer and keeps it.
 *
 * <p>Use: {@link #addStream}, then {@link #setInterfaces} starts gathering; tell the peer {@link #localParameters} and
 * each {@link IceEvent.CandidateGathered}; hand in what the peer tells with {@link #setRemote}, {@link
 * #addRemoteCandidate} and {@link #endOfRemoteCandidates}. Data can be sent from {@link IceState#CONNECTED} on.
 */
public final class IceAgent implements ProtocolMachine {
  /** Makes an agent that does nothing yet. */
  public IceAgent(IceConfiguration configuration, IceOutbox outbox) {
    throw new UnsupportedOperationException();
  }

  /** Adds a stream of 1 to 256 components and returns its index, counted from 0. */
  public int addStream(int components, long now) {
    throw new UnsupportedOperationException();
  }

  /**
   * Tells the addresses that the host has now. The first call starts gathering; later ones follow changes: bases on
   * vanished addresses go, new addresses are gathered on.
   */
  public void setInterfaces(List<InterfaceAddress> addresses, long now) {
    throw new UnsupportedOperationException();
  }

  /** A socket was bound as asked. */
  public void handleOpened(IceRequest.Open request, TransportAddress base, long now) {
    throw new UnsupportedOperationException();
  }

  /** A socket could not be bound; the session goes on without it. */
  public void handleOpenFailed(IceRequest.Open request, String reason, long now) {
    throw new UnsupportedOperationException();
  }

  /** A socket broke; the session goes on without it. */
  public void handleClosed(TransportAddress base, String reason, long now) {
    throw new UnsupportedOperationException();
  }

  /** A name was looked up; no address means that it could not be. */
  public void handleResolved(IceRequest.Resolve request, List<IpAddress> addresses, long now) {
    throw new UnsupportedOperationException();
  }

  /** What to tell the peer about a stream's current generation. */
  public IceParameters localParameters(int stream) {
    throw new UnsupportedOperationException();
  }

  /** The number of a stream's current generation: 0, and one more with each restart. */
  public int generation(int stream) {
    throw new UnsupportedOperationException();
  }

  /**
   * Takes what the peer told about a stream. Changed ufrag and password mean that the peer restarted (RFC 8445 9): the
   * agent then begins a generation of its own, unless it already has one that waits for the peer's.
   *
   * @throws IllegalArgumentException when only one of ufrag and password changed
   */
  public void setRemote(int stream, IceParameters remote, long now) {
    throw new UnsupportedOperationException();
  }

  /**
   * Takes a candidate of the peer. May come before {@link #setRemote}.
   *
   * @param ufrag the peer's ufrag that the candidate belongs to; null for the current generation
   */
  public void addRemoteCandidate(
      int stream, @Nullable String ufrag, Candidate candidate, long now) {
    throw new UnsupportedOperationException();
  }

  /** The peer has no more candidates for a stream in this generation. */
  public void endOfRemoteCandidates(int stream, @Nullable String ufrag, long now) {
    throw new UnsupportedOperationException();
  }

  /** Begins a new generation of one stream (RFC 8445 9). Data goes on over the old path until a new one is selected. */
  public void restart(int stream, long now) {
    throw new UnsupportedOperationException();
  }

  /**
   * Sends application data on the best path.
   *
   * @param payload borrowed for the call
   */
  public SendResult send(int stream, int component, ByteBuffer payload, long now) {
    throw new UnsupportedOperationException();
  }

  /** The path that data of a component takes now; null when there is none. */
  public @Nullable FiveTuple path(int stream, int component) {
    throw new UnsupportedOperationException();
  }

  /** The role that the agent has now. */
  public Role role() {
    throw new UnsupportedOperationException();
  }

  /** The session's state. */
  public IceState state() {
    throw new UnsupportedOperationException();
  }

  /** A snapshot of the statistics. */
  public IceStatistics statistics() {
    throw new UnsupportedOperationException();
  }

  /** Ends the session: all bases are closed, nothing is sent any more. Further calls do nothing. */
  public void close(long now) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void handleDatagram(FiveTuple path, ByteBuffer datagram, long now) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void handleTimeout(long now) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long nextTimeout() {
    throw new UnsupportedOperationException();
  }
}
