package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceParameters;
import dev.frazil.ice.IceState;
import dev.frazil.ice.IceStatistics;
import dev.frazil.ice.Role;
import dev.frazil.ice.SendResult;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.IceSession;
import dev.frazil.netty.IceSessionBuilder;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A peer of the agent protocol: one session with one stream of one component, steered by {@link Instruction}s. All that
 * it knows belongs to one thread; only answers to payloads are sent from the session's event loop, to lose no time.
 */
final class Peer implements AutoCloseable {
  /** Stopping may take 2 s in all (agent protocol, section 3), of which allocations take a second to give back. */
  private static final long CLOSE_WAIT_MILLIS = 1_100;

  /** How far behind the end of candidates a candidate may come that was told before it. */
  private static final long REORDERING_MILLIS = 500;

  private static final System.Logger LOGGER = System.getLogger(Peer.class.getName());
  private static final int STREAM = 0;
  private static final int COMPONENT = 1;

  private final PeerSettings settings;
  private final PeerLines lines;
  private final EventLog log;
  private final IceRuntime runtime;
  private final ScheduledThreadPoolExecutor owner =
      new ScheduledThreadPoolExecutor(1, Peer::thread);
  private final Payloads payloads;
  private final RemoteSide remote;
  private final Map<String, Integer> generations = new HashMap<>();
  private final List<Candidate> untold = new ArrayList<>();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final AtomicBoolean dataSeen = new AtomicBoolean();
  private volatile @Nullable IceSession session;
  private @Nullable IceState told;
  private @Nullable ScheduledFuture<?> giveUp;
  private boolean wasConnected;
  private boolean hasCandidate;

  Peer(PeerSettings settings, IceRuntime runtime, PeerLines lines, EventLog log) {
    this.settings = settings;
    this.lines = lines;
    this.log = log;
    this.runtime = runtime;
    this.payloads =
        new Payloads(owner, lines, this::send, settings.size(), settings.interval(), log.isOpen());
    this.remote = new RemoteSide(settings.trickle(), new Session());
    owner.setRemoveOnCancelPolicy(true);
  }

  /** Does what the harness says. What can't be done is answered with an error line. */
  void tell(Instruction instruction) {
    onOwner(() -> handle(instruction));
  }

  private void handle(Instruction instruction) {
    if (instruction instanceof Instruction.Start) {
      start();
    } else if (session == null) {
      lines.error("a line before \"start\" is ignored");
    } else if (instruction instanceof Instruction.Credentials credentials) {
      remote.handle(credentials);
    } else if (instruction instanceof Instruction.RemoteCandidate candidate) {
      remote.handle(candidate);
    } else if (instruction instanceof Instruction.EndOfCandidates end) {
      remote.handle(end);
    } else if (instruction instanceof Instruction.Restart) {
      remote.restart();
    } else if (instruction instanceof Instruction.Burst burst) {
      burst(burst.count());
    }
  }

  private void start() {
    if (session != null) {
      lines.error("\"start\" came twice");
      return;
    }
    lines.startClock();
    IceSession started = configured().build();
    session = started;
    tellGeneration(0, started.localParameters(STREAM));
    giveUp = owner.schedule(this::giveUp, settings.timeout().toMillis(), TimeUnit.MILLISECONDS);
    started.start();
  }

  private IceSessionBuilder configured() {
    IceSessionBuilder builder = IceSession.builder(runtime)
        .role(settings.role())
        .trickle(settings.trickle())
        .lite(settings.lite())
        .loopback(settings.loopback())
        .interfaceFilter(address -> isToBeUsed(address.name()))
        .pacing(settings.pacing())
        .eventLog(log.isOpen())
        .onEvent(this::handleOnLoop)
        .onData((stream, component, payload) -> handleData(payload));
    if (settings.relayOnly()) {
      builder.candidateTypes(Set.of(CandidateType.RELAYED));
    }
    if (settings.authorities() != null) {
      builder.trustedAuthorities(settings.authorities());
    }
    return builder.stunServers(settings.stunServers()).turnServers(settings.turnServers());
  }

  private boolean isToBeUsed(String networkInterface) {
    return settings.interfaces().isEmpty() || settings.interfaces().contains(networkInterface);
  }

  private void burst(int count) {
    if (!wasConnected) {
      throw new IllegalArgumentException("burst: must come after \"connected\"");
    }
    payloads.send(count);
  }

  private void giveUp() {
    tellState(
        IceState.FAILED, "not connected within " + settings.timeout().toMillis() / 1e3 + " s");
  }

  private void handleOnLoop(IceEvent event) {
    log.write(event);
    onOwner(() -> handle(event));
  }

  private void handle(IceEvent event) {
    if (event instanceof IceEvent.CandidateGathered gathered) {
      tellCandidate(generation(gathered.ufrag()), gathered.candidate());
    } else if (event instanceof IceEvent.GatheringComplete complete) {
      tellGathered(generation(complete.ufrag()));
    } else if (event instanceof IceEvent.Restarted restarted) {
      remote.handleRestarted(restarted.generation());
      tellGeneration(restarted.generation(), restarted.local());
    } else if (event instanceof IceEvent.StateChanged changed) {
      handleState(changed.state(), changed.reason());
    } else if (event instanceof IceEvent.PairSelected selected) {
      lines.selected(selected.local(), selected.remote());
    } else if (event instanceof IceEvent.PathChanged) {
      payloads.handlePath();
    } else if (event instanceof IceEvent.RoleSwitched switched) {
      lines.info(Json.object().put("role", Json.name(switched.role())));
    } else if (event instanceof IceEvent.Warning warning) {
      lines.error(warning.what());
    }
  }

  private void tellGeneration(int generation, IceParameters local) {
    generations.put(local.ufrag(), generation);
    hasCandidate = false;
    untold.clear();
    lines.credentials(generation, local);
  }

  private int generation(String ufrag) {
    return generations.getOrDefault(ufrag, 0);
  }

  /** Without trickle candidates are told together, when there will be no more. */
  private void tellCandidate(int generation, Candidate candidate) {
    hasCandidate = true;
    if (settings.trickle()) {
      lines.candidate(generation, candidate);
    } else {
      untold.add(candidate);
    }
  }

  private void tellGathered(int generation) {
    untold.forEach(candidate -> lines.candidate(generation, candidate));
    untold.clear();
    lines.endOfCandidates(generation);
    remote.handleGathered(generation);
    if (settings.relayOnly() && !hasCandidate) {
      tellState(IceState.FAILED, "no relayed candidate, and --policy relay forbids all others");
    }
  }

  private void handleState(IceState state, @Nullable String reason) {
    tellState(state, reason);
    if (state == IceState.CONNECTED || state == IceState.COMPLETED) {
      payloads.handlePath();
      if (!wasConnected) {
        wasConnected = true;
        handleFirstPath();
      }
    }
  }

  private void handleFirstPath() {
    if (giveUp != null) {
      giveUp.cancel(false);
    }
    if (settings.role() == Role.CONTROLLING && settings.count() > 0) {
      payloads.send(settings.count());
    }
  }

  private void tellState(IceState state, @Nullable String reason) {
    if (state != told && state != IceState.NEW && state != IceState.CLOSED) {
      told = state;
      lines.state(state, reason);
    }
  }

  private void handleData(ByteBuffer payload) {
    if (!dataSeen.getAndSet(true)) {
      lines.data(payload.remaining());
    }
    if (Burst.isPing(payload)) {
      ByteBuffer pong = Burst.pong(payload);
      if (send(pong) == SendResult.NO_PATH) {
        onOwner(() -> payloads.keep(pong));
      }
    } else {
      int number = Burst.pongNumber(payload);
      if (number >= 0) {
        onOwner(() -> payloads.handleReturn(number));
      }
    }
  }

  private SendResult send(ByteBuffer payload) {
    IceSession sending = session;
    return sending == null ? SendResult.NO_PATH : sending.send(STREAM, COMPONENT, payload);
  }

  private void onOwner(Runnable task) {
    try {
      owner.execute(() -> {
        try {
          task.run();
        } catch (RuntimeException e) {
          log(e);
        }
      });
    } catch (RejectedExecutionException e) {
      // Closed: nobody listens any more.
    }
  }

  /** A caller's mistake is told in its own words; anything else is ours. */
  private void log(RuntimeException e) {
    boolean mistake = e instanceof IllegalArgumentException || e instanceof IllegalStateException;
    lines.error(mistake ? String.valueOf(e.getMessage()) : "internal error: " + e);
    LOGGER.log(System.Logger.Level.INFO, "a line or an event could not be handled", e);
  }

  /** Tells the last figures, closes the session and frees what it held. Repeated calls do nothing. */
  @Override
  public void close() {
    if (closed.getAndSet(true)) {
      return;
    }
    await(CompletableFuture.runAsync(() -> {}, owner)); // what was told before comes first
    IceSession open = session;
    if (open != null) {
      IceStatistics statistics = await(open.statistics());
      if (statistics != null) {
        lines.info(Summary.of(statistics));
      }
      open.close();
      await(open.closed());
    }
    owner.shutdownNow();
    log.close();
  }

  private static <T> @Nullable T await(CompletableFuture<T> future) {
    try {
      return future.get(CLOSE_WAIT_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    } catch (ExecutionException | TimeoutException e) {
      return null;
    }
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "frazil-peer");
    thread.setDaemon(true);
    return thread;
  }

  /** The session as the other side's words reach it. */
  private final class Session implements RemoteSide.Listener {
    @Override
    public void restart() {
      session().restart(STREAM);
    }

    @Override
    public void setRemote(IceParameters parameters) {
      session().setRemote(STREAM, parameters);
    }

    @Override
    public void addRemoteCandidate(Candidate candidate) {
      session().addRemoteCandidate(STREAM, null, candidate);
    }

    @Override
    public void endOfRemoteCandidates() {
      session().endOfRemoteCandidates(STREAM, null);
    }

    @Override
    public void later(Runnable task) {
      owner.schedule(() -> onOwner(task), REORDERING_MILLIS, TimeUnit.MILLISECONDS);
    }

    private IceSession session() {
      return Objects.requireNonNull(session);
    }
  }
}
