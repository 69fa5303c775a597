package dev.frazil.lab.interop;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Crosses two peers by hand and prints what they say: the tool for a crossing that a test found wanting. */
@Command(
    name = "cross",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Cross two ICE stacks over namespaces of this machine (as root).",
    exitCodeOnInvalidInput = 2)
public final class Cross implements Callable<Integer> {
  @Option(
      names = "--left",
      defaultValue = "frazil",
      description = "frazil, frazilN (on JDK N), libnice, aioice, ice4j")
  private String left = "";

  @Option(names = "--right", defaultValue = "frazil", description = "likewise")
  private String right = "";

  @Option(
      names = "--nat",
      description = "before both: NONE, MASQUERADE, RANDOM, OPEN, UDP_BLOCKED (default NONE)")
  private @Nullable Nat nat;

  @Option(names = "--left-nat", description = "before the left one")
  private @Nullable Nat leftNat;

  @Option(names = "--right-nat", description = "before the right one")
  private @Nullable Nat rightNat;

  @Option(
      names = "--left-signalling",
      defaultValue = "PROMPT",
      description = "how the left one's words travel: PROMPT, LATE, REVERSED")
  private Signalling leftSignalling = Signalling.PROMPT;

  @Option(names = "--right-signalling", defaultValue = "PROMPT", description = "likewise")
  private Signalling rightSignalling = Signalling.PROMPT;

  @Option(names = "--families", split = ",", description = "IPV4, IPV6 (default both)")
  private List<TestNetwork.Family> families = List.of(TestNetwork.Family.values());

  @Option(
      names = "--stun",
      description = "run a STUN server and tell both of it (always, where there is a NAT)")
  private boolean stun;

  @Option(
      names = "--relay",
      description =
          "run a TURN server, frazil-turn or coturn: --left-args \"--turn 198.51.100.1:3478:user:pass:tcp\"")
  private @Nullable String relay;

  @Option(names = "--trickle", description = "trickle on both sides")
  private boolean trickle;

  @Option(names = "--swap", description = "the right one controls instead of the left one")
  private boolean swap;

  @Option(names = "--both", description = "CONTROLLING or CONTROLLED: both start in that role")
  private @Nullable RoleOfBoth both;

  @Option(names = "--count", defaultValue = "100", description = "payloads")
  private int count;

  @Option(names = "--interval", defaultValue = "10", description = "milliseconds between them")
  private int interval;

  @Option(names = "--timeout", defaultValue = "60", description = "seconds until a peer gives up")
  private int timeout;

  @Option(names = "--left-args", split = " ", description = "further arguments of the left one")
  private List<String> leftArguments = new ArrayList<>();

  @Option(names = "--right-args", split = " ", description = "further arguments of the right one")
  private List<String> rightArguments = new ArrayList<>();

  @Option(names = "--pcap", description = "write what crosses the segment to this file (tcpdump)")
  private @Nullable Path pcap;

  @Option(names = "--linger", defaultValue = "0", description = "seconds to go on after the end")
  private int linger;

  public static void main(String[] args) {
    System.exit(
        new CommandLine(new Cross()).setCaseInsensitiveEnumValuesAllowed(true).execute(args));
  }

  @Override
  public Integer call() throws InterruptedException {
    String missing = Stream.of(
            Namespaces.missing(),
            PeerProgram.named(left).missing(),
            PeerProgram.named(right).missing())
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(null);
    if (missing != null) {
      System.err.println(missing);
      return 1;
    }
    try (Crossing crossing = Crossing.begin(plan(), true, pcap)) {
      boolean done = crossing.awaitDone(Duration.ofSeconds(timeout + 10L));
      Thread.sleep(linger * 1000L);
      crossing.stop();
      PeerReport leftReport = crossing.left().report();
      PeerReport rightReport = crossing.right().report();
      boolean connected =
          done && leftReport.hasState("completed") && rightReport.hasState("completed");
      System.out.println(connected ? "connected" : "not connected");
      return connected ? 0 : 1;
    }
  }

  private Crossing.Plan plan() {
    PeerArguments common = PeerArguments.DEFAULT
        .withTrickle(trickle)
        .withPayloads(count, interval)
        .withTimeout(timeout);
    boolean leftControls = both == null ? !swap : both == RoleOfBoth.CONTROLLING;
    boolean rightControls = both == null ? swap : both == RoleOfBoth.CONTROLLING;
    Crossing.Side leftSide = new Crossing.Side(
        PeerProgram.named(left),
        common.withControlling(leftControls).withExtra(leftArguments),
        firstOf(leftNat, nat),
        leftSignalling);
    Crossing.Side rightSide = new Crossing.Side(
        PeerProgram.named(right),
        common.withControlling(rightControls).withExtra(rightArguments),
        firstOf(rightNat, nat),
        rightSignalling);
    boolean anyNat = leftSide.nat() != Nat.NONE || rightSide.nat() != Nat.NONE;
    Set<TestNetwork.Family> chosen = EnumSet.copyOf(families);
    PeerProgram server = relay == null ? null : PeerProgram.named(relay);
    return new Crossing.Plan(leftSide, rightSide, chosen, stun || anyNat, server);
  }

  private static Nat firstOf(@Nullable Nat own, @Nullable Nat common) {
    return own != null ? own : common != null ? common : Nat.NONE;
  }

  private enum RoleOfBoth {
    CONTROLLING,
    CONTROLLED
  }
}
