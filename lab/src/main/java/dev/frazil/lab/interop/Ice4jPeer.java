package dev.frazil.lab.interop;

import java.beans.PropertyChangeEvent;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.DatagramPacket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.ice4j.Transport;
import org.ice4j.TransportAddress;
import org.ice4j.ice.Agent;
import org.ice4j.ice.Candidate;
import org.ice4j.ice.CandidatePair;
import org.ice4j.ice.CandidateType;
import org.ice4j.ice.Component;
import org.ice4j.ice.IceMediaStream;
import org.ice4j.ice.IceProcessingState;
import org.ice4j.ice.KeepAliveStrategy;
import org.ice4j.ice.LocalCandidate;
import org.ice4j.ice.RemoteCandidate;
import org.ice4j.ice.harvest.StunCandidateHarvester;
import org.ice4j.ice.harvest.TurnCandidateHarvester;
import org.ice4j.security.LongTermCredential;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/**
 * A peer of the interop tests: one ice4j agent with one stream of one component, steered over standard input and output.
 *
 * <p>One thread owns all state ({@code owner}); ice4j's blocking calls and events come from others and are handed over.
 * ice4j has no restart and no loopback candidates. Link-local addresses are switched off: it writes their scope into the
 * candidate line. It drops payloads from an address before its own check to that address has succeeded. It can't be kept
 * from checking from the host's own addresses: {@code --policy relay} only tells nobody of them.
 */
@Command(name = "ice4j-peer")
final class Ice4jPeer implements Runnable {
  private static final Pattern SERVER =
      Pattern.compile("(?:\\[(?<six>[^]]+)]|(?<host>[^:]+)):(?<port>\\d{1,5})"
          + "(?::(?<user>[^:]+):(?<password>[^:]+)(?::udp)?)?");

  private enum Policy {
    all,
    relay
  }

  private static final class RoleOption {
    @Option(names = "--controlling", required = true)
    boolean controlling;

    @Option(names = "--controlled", required = true)
    boolean controlled;

    boolean isControlling() {
      return controlling && !controlled;
    }
  }

  @ArgGroup(multiplicity = "1")
  private RoleOption role = new RoleOption();

  @Option(names = "--stun")
  private List<String> stun = new ArrayList<>();

  @Option(names = "--turn")
  private List<String> turn = new ArrayList<>();

  @Option(names = "--policy", defaultValue = "all")
  private Policy policy = Policy.all;

  @Option(names = "--trickle")
  private boolean trickle;

  @Option(names = "--count", defaultValue = "100")
  private int count;

  @Option(names = "--size", defaultValue = "64")
  private int size;

  @Option(names = "--interval", defaultValue = "10")
  private int interval;

  @Option(names = "--timeout", defaultValue = "60")
  private int timeout;

  private final ScheduledExecutorService owner = Executors.newSingleThreadScheduledExecutor();
  private final PeerLines lines = new PeerLines();
  private final List<String> early = new ArrayList<>();
  private @Nullable Agent agent;
  private @Nullable IceMediaStream stream;
  private @Nullable Component component;
  private @Nullable CandidatePair selected;
  private @Nullable Payloads payloads;
  private @Nullable ScheduledFuture<?> backstop;
  private boolean gathered;
  private boolean remoteCredentials;
  private boolean remoteEnded;
  private boolean checking;
  private boolean connected;

  public static void main(String[] args) {
    // Nothing on a link answers for a cloud's metadata service here.
    System.setProperty("ice4j.harvest.mapping.aws.enabled", "false");
    System.setProperty("ice4j.harvest.use-link-local-addresses", "false");
    LogManager.getLogManager()
        .getLogger("")
        .setLevel(Level.parse(System.getProperty("log", "WARNING")));
    System.exit(new CommandLine(new Ice4jPeer()).execute(args));
  }

  @Override
  public void run() {
    agent = new Agent();
    lines.print("hello", line -> line.put("driver", "ice4j").put("version", version()));
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String text = in.readLine(); text != null; text = in.readLine()) {
        JsonNode line = PeerLines.parse(text);
        String type = line.path("type").asString("");
        if (type.equals("stop")) {
          break;
        }
        onOwner(() -> handle(type, line));
      }
    } catch (IOException gone) {
      lines.error("standard input: " + gone.getMessage());
    }
    agent().free();
  }

  private static String version() {
    Properties properties = new Properties();
    try (InputStream pom =
        Agent.class.getResourceAsStream("/META-INF/maven/org.jitsi/ice4j/pom.properties")) {
      if (pom != null) {
        properties.load(pom);
      }
    } catch (IOException unreadable) {
      // Then it has no version to tell.
    }
    return properties.getProperty("version", "unknown");
  }

  private void onOwner(Runnable work) {
    owner.execute(() -> {
      try {
        work.run();
      } catch (RuntimeException unexpected) {
        lines.error(unexpected.toString());
      }
    });
  }

  private void handle(String type, JsonNode line) {
    if (line.path("generation").asInt(0) > 0 || type.equals("restart")) {
      lines.error("unsupported: restart");
      return;
    }
    switch (type) {
      case "start" -> start();
      case "credentials" -> {
        stream().setRemoteUfrag(line.path("ufrag").asString());
        stream().setRemotePassword(line.path("pwd").asString());
        remoteCredentials = true;
        startChecks();
      }
      case "candidate" -> {
        early.add(line.path("sdp").asString(""));
        addRemoteCandidates();
      }
      case "end-of-candidates" -> {
        remoteEnded = true;
        startChecks();
      }
      case "burst" -> sendPayloads(line.path("count").asInt(0));
      default -> {}
    }
  }

  private void start() {
    lines.begin();
    Agent fresh = agent();
    fresh.setControlling(role.isControlling());
    fresh.setTrickling(trickle);
    addServers(fresh);
    fresh.addStateChangeListener(
        event -> onOwner(() -> handleState((IceProcessingState) event.getNewValue())));
    stream = fresh.createMediaStream("data");
    stream().addPairChangeListener(event -> onOwner(() -> handlePair(event)));
    lines.print(
        "credentials",
        line -> line.put("ufrag", fresh.getLocalUfrag()).put("pwd", fresh.getLocalPassword()));
    new Thread(() -> gather(fresh), "gather").start();
    backstop = owner.schedule(() -> lines.state("failed"), timeout, TimeUnit.SECONDS);
  }

  private void addServers(Agent asking) {
    for (String server : stun) {
      asking.addCandidateHarvester(new StunCandidateHarvester(address(parts(server))));
    }
    for (String server : turn) {
      Matcher parts = parts(server);
      LongTermCredential login =
          new LongTermCredential(parts.group("user"), parts.group("password"));
      asking.addCandidateHarvester(new TurnCandidateHarvester(address(parts), login));
    }
  }

  private static Matcher parts(String server) {
    Matcher parts = SERVER.matcher(server);
    if (!parts.matches()) {
      throw new IllegalArgumentException("HOST:PORT or HOST:PORT:USER:PASS[:udp] is needed");
    }
    return parts;
  }

  private static TransportAddress address(Matcher parts) {
    String host = Objects.requireNonNullElse(parts.group("six"), parts.group("host"));
    return new TransportAddress(host, Integer.parseInt(parts.group("port")), Transport.UDP);
  }

  /** Gathers as ice4j does: host candidates at once, the others by blocking until all have come or failed. */
  private void gather(Agent gathering) {
    try {
      Component created =
          gathering.createComponent(stream(), KeepAliveStrategy.SELECTED_ONLY, true);
      onOwner(() -> component = created);
      printCandidates(created.getLocalCandidates());
      new Thread(() -> receive(created), "receive").start();
      if (trickle) {
        onOwner(this::addRemoteCandidates);
        gathering.startCandidateTrickle(this::printCandidates);
      }
    } catch (IOException | RuntimeException failure) {
      lines.error("gathering: " + failure);
    }
    lines.printNow("end-of-candidates", line -> {});
    onOwner(() -> {
      gathered = true;
      addRemoteCandidates();
    });
  }

  private void printCandidates(@Nullable Collection<LocalCandidate> candidates) {
    if (candidates != null) {
      candidates.stream()
          .filter(candidate ->
              policy == Policy.all || candidate.getType() == CandidateType.RELAYED_CANDIDATE)
          .forEach(candidate ->
              lines.printNow("candidate", line -> line.put("sdp", candidate.toString())));
    }
  }

  private void addRemoteCandidates() {
    Component ready = component;
    if (ready != null) {
      early.forEach(sdp -> addRemoteCandidate(ready, sdp));
      early.clear();
      startChecks();
    }
  }

  private void addRemoteCandidate(Component ready, String sdp) {
    CandidateText text = CandidateText.parse(sdp);
    if (text == null || text.component() != 1 || !text.transport().equalsIgnoreCase("udp")) {
      lines.error("skipped " + sdp);
      return;
    }
    TransportAddress address = new TransportAddress(text.address(), text.port(), Transport.UDP);
    CandidateType type = CandidateType.parse(text.type());
    RemoteCandidate candidate =
        new RemoteCandidate(address, ready, type, text.foundation(), text.priority(), null);
    if (checking) {
      ready.addUpdateRemoteCandidates(candidate);
      ready.updateRemoteCandidates();
    } else {
      ready.addRemoteCandidate(candidate);
    }
  }

  private void startChecks() {
    Component ready = component;
    boolean due = trickle
        ? ready != null && (ready.getRemoteCandidateCount() > 0 || remoteEnded)
        : ready != null && gathered && remoteEnded;
    if (due && remoteCredentials && !checking) {
      checking = true;
      agent().startConnectivityEstablishment();
    }
  }

  private void handleState(IceProcessingState state) {
    switch (state) {
      case RUNNING -> lines.state("checking");
      case COMPLETED -> {
        handleConnected();
        printSelected();
        lines.state("completed");
      }
      case FAILED -> lines.state("failed");
      default -> {}
    }
  }

  private void handlePair(PropertyChangeEvent event) {
    if (IceMediaStream.PROPERTY_PAIR_VALIDATED.equals(event.getPropertyName())) {
      handleConnected();
    } else if (IceMediaStream.PROPERTY_PAIR_NOMINATED.equals(event.getPropertyName())) {
      printSelected();
    }
  }

  private void handleConnected() {
    if (!connected) {
      connected = true;
      Objects.requireNonNull(backstop).cancel(false);
      lines.state("connected");
      if (role.isControlling()) {
        sendPayloads(count);
      }
    }
  }

  private void printSelected() {
    Component ready = component;
    CandidatePair pair = ready == null ? null : ready.getSelectedPair();
    if (pair != null && pair != selected) {
      selected = pair;
      Candidate<?> local = pair.getLocalCandidate();
      Candidate<?> remote = pair.getRemoteCandidate();
      lines.printNow(
          "selected", line -> line.put("local", local.toString()).put("remote", remote.toString()));
    }
  }

  private void sendPayloads(int number) {
    Component ready = component;
    if (number == 0 || ready == null) {
      return;
    }
    Payloads sending = payloads;
    if (sending == null) {
      sending = new Payloads(owner, lines, size, interval, bytes -> send(ready, bytes));
      payloads = sending;
    }
    sending.send(number);
  }

  private static void send(Component through, byte[] bytes) {
    try {
      through.send(bytes, 0, bytes.length);
    } catch (IOException lost) {
      // Payloads are not sent again: one that cannot go is a lost one.
    }
  }

  private void receive(Component from) {
    byte[] buffer = new byte[65_535];
    try {
      while (true) {
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        from.getSocket().receive(packet);
        byte[] bytes = Arrays.copyOf(buffer, packet.getLength());
        onOwner(() -> handlePayload(from, bytes));
      }
    } catch (IOException closed) {
      // The agent was freed.
    }
  }

  private void handlePayload(Component from, byte[] bytes) {
    lines.dataOnce(bytes.length);
    if (Payloads.isPing(bytes)) {
      send(from, Payloads.pong(bytes));
    } else if (payloads != null) {
      payloads.handlePong(bytes);
    }
  }

  private Agent agent() {
    return Objects.requireNonNull(agent);
  }

  private IceMediaStream stream() {
    return Objects.requireNonNull(stream, "start comes first");
  }
}
