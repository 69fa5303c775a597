package dev.frazil.turn;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ClientLine.Refusal;
import dev.frazil.turn.ClientSession.Timer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Binds channels to peers, keeps those that are used, and keeps numbers and peers apart for long enough (RFC 8656 12). */
final class ChannelClient {
  /** RFC 8656 12: a binding lasts 10 minutes. */
  private static final long LIFETIME = 600 * ClientSession.SECOND;
  /** RFC 8656 12: so long after that neither number nor peer may be bound otherwise. */
  private static final long QUARANTINE = 300 * ClientSession.SECOND;

  private static final long REFRESH_AFTER = 240 * ClientSession.SECOND;
  /** Datagrams that are further apart do not make a channel worth its while. */
  private static final long COUNTING_PERIOD = 120 * ClientSession.SECOND;

  private static final int MOST_COUNTED = 256;
  private static final int MOST_CHANNELS = ChannelData.LAST_CHANNEL - ChannelData.FIRST_CHANNEL + 1;

  /** A number and a peer that belong together. */
  final class Channel implements ClientLine.Asker {
    final TransportAddress peer;
    final int number;
    private final Timer timer = new Timer(this::due);
    private boolean wanted = true;
    /** Kept whether it is used or not. */
    private boolean pinned;

    private boolean used;
    private boolean asking;
    private boolean bound;
    private long usableUntil;
    private long heldUntil;

    private Channel(TransportAddress peer, int number) {
      this.peer = peer;
      this.number = number;
    }

    private void ask(long now) {
      asking = true;
      session.cancel(timer);
      session
          .line()
          .request(
              Method.CHANNEL_BIND,
              builder -> builder
                  .put(AttributeType.CHANNEL_NUMBER, number)
                  .put(AttributeType.XOR_PEER_ADDRESS, peer),
              this,
              now);
    }

    private void due(long now) {
      if (now >= heldUntil) {
        forget();
      } else if (wanted && (pinned || used)) {
        used = false;
        ask(now);
      } else {
        lapse();
      }
    }

    /** Leaves the channel to expire. */
    private void lapse() {
      wanted = false;
      pinned = false;
      if (!session.isAllocated()) {
        forget();
      } else if (!asking) {
        session.schedule(timer, heldUntil);
      }
    }

    private void forget() {
      session.cancel(timer);
      byPeer.remove(peer);
      byNumber[number - ChannelData.FIRST_CHANNEL] = null;
    }

    @Override
    public void answered(StunMessage response, long askedAt, long now) {
      asking = false;
      usableUntil = askedAt + LIFETIME;
      heldUntil = now + LIFETIME + QUARANTINE;
      session.permissions.boundChannel(peer, askedAt);
      if (!bound) {
        bound = true;
        session.outbox.event(new TurnEvent.ChannelBound(peer, number));
      }
      session.schedule(timer, wanted ? askedAt + REFRESH_AFTER : heldUntil);
    }

    @Override
    public void refused(Refusal refusal, long now) {
      asking = false;
      heldUntil = now + LIFETIME + QUARANTINE; // the server may have bound it all the same
      switch (refusal.code()) {
        case ErrorCode.ALLOCATION_MISMATCH ->
          session.lost("the server does not know the allocation", refusal.error(), false, now);
        case ErrorCode.BAD_REQUEST -> disagreed(refusal, now);
        case ErrorCode.FORBIDDEN, ErrorCode.PEER_ADDRESS_FAMILY_MISMATCH -> {
          lapse();
          session.permissions.refusedChannel(peer, refusal);
        }
        case ErrorCode.INSUFFICIENT_CAPACITY, ErrorCode.SERVER_ERROR ->
          session.schedule(timer, now + ClientSession.MINUTE);
        case 0 -> {
          boolean timeout = refusal.failure() == Failure.TIMEOUT;
          session.schedule(timer, now + (timeout ? ClientSession.SECOND : ClientSession.MINUTE));
        }
        default -> {
          if (session.wantsToken(refusal)) {
            session.schedule(timer, now + ClientSession.MINUTE);
          } else {
            lapse();
          }
        }
      }
    }

    /** RFC 8656 12.3: the server sees the channels otherwise. Once; a server that never likes them gets none. */
    private void disagreed(Refusal refusal, long now) {
      lapse();
      if (!startedOver) {
        startedOver = true;
        session.startOver("the server refused a channel", refusal.error(), now);
      }
    }
  }

  private final ClientSession session;
  private final Map<TransportAddress, Channel> byPeer = new HashMap<>();
  private @Nullable Channel[] byNumber = new @Nullable Channel[16];
  private final Map<TransportAddress, int[]> sent = new HashMap<>();
  private final Timer forgetting = new Timer(now -> forgetCounts());
  private int next;
  private boolean startedOver;

  ChannelClient(ClientSession session) {
    this.session = session;
  }

  /** Binds a channel to a peer whose permission was asked for; without an effect when all numbers are taken. */
  void bind(TransportAddress peer, boolean pin, long now) {
    Channel channel = byPeer.get(peer);
    if (channel == null) {
      int number = freeNumber();
      if (number < 0) {
        return;
      }
      channel = new Channel(peer, number);
      byPeer.put(peer, channel);
      byNumber[number - ChannelData.FIRST_CHANNEL] = channel;
    }
    boolean dormant = !channel.wanted || channel.usableUntil == 0;
    channel.wanted = true;
    channel.pinned |= pin;
    channel.used = true;
    if (dormant && !channel.asking && session.isAllocated()) {
      channel.ask(now);
    }
  }

  /** The numbers are taken in turn, so that each rests as long as possible; -1 when none is free. */
  private int freeNumber() {
    for (int i = 0; i < MOST_CHANNELS; i++) {
      int index = next;
      next = (next + 1) % MOST_CHANNELS;
      if (index >= byNumber.length) {
        byNumber = Arrays.copyOf(byNumber, Math.min(MOST_CHANNELS, 2 * index));
      }
      if (byNumber[index] == null) {
        return ChannelData.FIRST_CHANNEL + index;
      }
    }
    return -1;
  }

  /** The channel by which data goes to this peer; null when it goes by Send indications. */
  @Nullable Channel usable(TransportAddress peer, long now) {
    Channel channel = byPeer.get(peer);
    if (channel == null || now >= channel.usableUntil) {
      return null;
    }
    channel.used = true;
    return channel;
  }

  /** The peer of a channel, from the moment it was asked for (RFC 8656 12); null when there is none. */
  @Nullable TransportAddress peer(int number) {
    int index = number - ChannelData.FIRST_CHANNEL;
    Channel channel = index < byNumber.length ? byNumber[index] : null;
    if (channel == null) {
      return null;
    }
    channel.used = true;
    return channel.peer;
  }

  /** Counts a Send indication, and binds a channel where there are many. */
  void sentIndication(TransportAddress peer, long now) {
    int enough = session.configuration.channelAfter;
    if (enough == 0) {
      return;
    }
    int[] count = sent.get(peer);
    if (count == null) {
      if (sent.size() == MOST_COUNTED) {
        return;
      }
      if (sent.isEmpty()) {
        session.schedule(forgetting, now + COUNTING_PERIOD);
      }
      count = new int[1];
      sent.put(peer, count);
    }
    if (++count[0] == enough) {
      bind(peer, false, now);
    }
  }

  private void forgetCounts() {
    sent.clear();
  }

  /** Keeps the channels of this address no longer. */
  void release(IpAddress peer) {
    for (Channel channel : List.copyOf(byPeer.values())) {
      if (channel.peer.ip().equals(peer)) {
        channel.lapse();
      }
    }
  }

  /** There is a new allocation: what its owner wants bound is bound. */
  void allocated(long now) {
    List.copyOf(byPeer.values()).forEach(channel -> channel.ask(now));
  }

  /** What was asked over the old path, or with the old token, is asked again. */
  void askAgain(long now) {
    byPeer.values().stream().filter(channel -> channel.asking).forEach(channel -> channel.ask(now));
  }

  /** The allocation is gone, and with it all its channels; those that the owner wants stay for the next one. */
  void end() {
    for (Channel channel : List.copyOf(byPeer.values())) {
      if (channel.pinned) {
        session.cancel(channel.timer);
        channel.asking = false;
        channel.bound = false;
        channel.usableUntil = 0;
      } else {
        channel.forget();
      }
    }
    sent.clear();
    session.cancel(forgetting);
  }
}
