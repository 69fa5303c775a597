package dev.frazil.lab;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.ice4j.StunException;
import org.ice4j.attribute.Attribute;
import org.ice4j.attribute.AttributeFactory;
import org.ice4j.attribute.MessageIntegrityAttribute;
import org.ice4j.message.Message;
import org.ice4j.message.MessageFactory;
import org.ice4j.message.Request;
import org.ice4j.security.CredentialsAuthority;
import org.ice4j.stack.RawMessage;
import org.ice4j.stack.StunStack;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * What an ICE check costs Frazil and ice4j: reading a Binding request with its integrity and fingerprint, and writing
 * one whose transaction ID is given. Both work on the same request, and each checks before it starts that the other's
 * request passes.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = "-Dice4j.software=") // else it adds SOFTWARE
public class StunBenchmark {
  private static final String USERNAME = "h6vYqzL8mfPi:8hhY";
  private static final String PASSWORD = "asd88fgpdd777uzjYhagZg";
  private static final long PRIORITY = 0x6E0001FFL;
  private static final long TIE_BREAKER = 0x932FF9B151263B36L;
  private static final byte[] ID = new byte[12];
  private static final TransactionId TRANSACTION = new TransactionId(0, 0);
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final IntegrityKey key = IntegrityKey.shortTerm(PASSWORD);
  private final ByteBuffer out = ByteBuffer.allocate(548);
  private ByteBuffer request = NOTHING;

  private final StunStack stack = new StunStack();
  private RawMessage raw = RawMessage.build(new byte[0], 0, null, null);

  /** Makes what is read, and proves that each stack takes the other's request. */
  @Setup
  public void prepare() throws StunException {
    Ice4jPair.silence();
    stack.getCredentialsManager().registerAuthority(new OnePassword());
    ByteBuffer own = writeFrazil();
    byte[] bytes = new byte[own.remaining()];
    own.get(own.position(), bytes);
    request = ByteBuffer.wrap(bytes);
    raw = RawMessage.build(bytes, bytes.length, null, null);
    ByteBuffer others = ByteBuffer.wrap(writeIce4j());
    if (!readIce4j() || !verify(others) || others.remaining() != bytes.length) {
      throw new IllegalStateException("the two stacks do not agree on the request");
    }
  }

  @Benchmark
  public boolean readFrazil() {
    return verify(request);
  }

  private boolean verify(ByteBuffer datagram) {
    StunMessage message = StunMessage.tryParse(datagram);
    return message != null && message.hasValidFingerprint() && message.verifyIntegrity(key);
  }

  @Benchmark
  public ByteBuffer writeFrazil() {
    return StunBuilder.request(Method.BINDING, TRANSACTION, out.clear())
        .put(AttributeType.USERNAME, USERNAME)
        .put(AttributeType.PRIORITY, (int) PRIORITY)
        .put(AttributeType.ICE_CONTROLLING, TIE_BREAKER)
        .integrity(key)
        .fingerprint()
        .finish();
  }

  /** As ice4j does on receipt: decoding checks the fingerprint, then the stack checks the integrity. */
  @Benchmark
  public boolean readIce4j() throws StunException {
    Message message = Message.decode(raw.getBytes(), 0, raw.getMessageLength());
    Attribute integrity = message.getAttribute(Attribute.MESSAGE_INTEGRITY);
    return stack.validateMessageIntegrity(
        (MessageIntegrityAttribute) integrity, USERNAME, true, raw);
  }

  /** As ice4j's client of connectivity checks does. */
  @Benchmark
  public byte[] writeIce4j() throws StunException {
    Request message = MessageFactory.createBindingRequest(PRIORITY);
    message.putAttribute(AttributeFactory.createIceControllingAttribute(TIE_BREAKER));
    message.putAttribute(AttributeFactory.createUsernameAttribute(USERNAME));
    MessageIntegrityAttribute integrity =
        AttributeFactory.createMessageIntegrityAttribute(USERNAME);
    integrity.setMedia("data");
    message.putAttribute(integrity);
    message.putAttribute(AttributeFactory.createFingerprintAttribute());
    message.setTransactionID(ID);
    return message.encode(stack);
  }

  /** One credential, whatever is asked. */
  private static final class OnePassword implements CredentialsAuthority {
    private final byte[] password = PASSWORD.getBytes(UTF_8);

    @Override
    public byte[] getLocalKey(String username) {
      return password;
    }

    @Override
    public byte[] getRemoteKey(String username, String media) {
      return password;
    }

    @Override
    public boolean checkLocalUserName(String username) {
      return username.equals(USERNAME);
    }
  }

  /** Runs all and prints them side by side. */
  public static void main(String... arguments) throws RunnerException {
    Collection<RunResult> results = new Runner(new OptionsBuilder()
            .include(StunBenchmark.class.getName())
            .addProfiler(GCProfiler.class)
            .verbosity(VerboseMode.SILENT)
            .shouldFailOnError(true)
            .build())
        .run();
    Table table = new Table(
        "a Binding request",
        "Frazil, ns",
        "ice4j, ns",
        "times faster",
        "Frazil, bytes",
        "ice4j, bytes");
    for (String task : List.of("read", "write")) {
      RunResult frazil = find(results, task + "Frazil");
      RunResult ice4j = find(results, task + "Ice4j");
      table.row(
          task,
          String.format("%.0f", nanos(frazil)),
          String.format("%.0f", nanos(ice4j)),
          String.format("%.1f", nanos(ice4j) / nanos(frazil)),
          String.format("%.0f", allocated(frazil)),
          String.format("%.0f", allocated(ice4j)));
    }
    table.print(System.out);
  }

  private static RunResult find(Collection<RunResult> results, String name) {
    return results.stream()
        .filter(result -> result.getParams().getBenchmark().endsWith("." + name))
        .findFirst()
        .orElseThrow();
  }

  private static double nanos(RunResult result) {
    return result.getPrimaryResult().getScore();
  }

  private static double allocated(RunResult result) {
    return Objects.requireNonNull(result.getSecondaryResults().get("gc.alloc.rate.norm"))
        .getScore();
  }
}
