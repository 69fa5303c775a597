package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LongTermClientTest {
  private static final String REALM = "example.org";
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final List<PasswordAlgorithm> BOTH =
      List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5);
  private static final AttributeSet UNDERSTOOD = AttributeSet.of(
      AttributeType.ERROR_CODE,
      AttributeType.XOR_MAPPED_ADDRESS,
      AttributeType.REALM,
      AttributeType.NONCE);
  private static final FiveTuple PATH = new FiveTuple(
      TransportAddress.udp("192.0.2.1", 5000), TransportAddress.udp("198.51.100.1", 3478));

  private static final ServerAuthentication.Accounts ACCOUNTS =
      new ServerAuthentication.Accounts() {
        @Override
        public @Nullable IntegrityKey key(
            String username, String realm, PasswordAlgorithm algorithm) {
          return username.equals("user") ? USER.key(realm, algorithm) : null;
        }

        @Override
        public @Nullable String username(ByteBuffer userhash, String realm) {
          return userhash.equals(USER.userhash(realm)) ? "user" : null;
        }
      };

  private final Recorder outbox = new Recorder();
  private final Recorder serverOutbox = new Recorder();
  private StunClient client = client(USER);
  private long now = 1_000_000_000;

  private StunClient client(LongTermCredential credential) {
    RoundTripTimes roundTrips = new RoundTripTimes(Duration.ofMillis(500));
    return new StunClient(
        PATH,
        StunClient.Options.DEFAULT,
        ClientAuthentication.longTerm(credential),
        roundTrips,
        new Random(1),
        outbox);
  }

  private static BindingServer server(
      List<PasswordAlgorithm> algorithms, boolean anonymity, Recorder outbox) {
    ServerAuthentication.LongTermOptions options =
        new ServerAuthentication.LongTermOptions(REALM, algorithms, anonymity, Duration.ofHours(1));
    ServerAuthentication authentication =
        ServerAuthentication.longTerm(options, ACCOUNTS, new Random(2));
    return new BindingServer(BindingServer.Options.DEFAULT, authentication, new Random(3), outbox);
  }

  private void ask() {
    client.request(Method.BINDING, b -> {}, UNDERSTOOD, now);
  }

  /** Carries requests to the server and responses back until neither says more. */
  private void exchange(BindingServer server, int from) {
    for (int i = from; i < outbox.sent.size(); i++) {
      server.handleDatagram(PATH.reversed(), outbox.sent.get(i), now);
      client.handleDatagram(PATH, serverOutbox.sent.get(serverOutbox.sent.size() - 1), now);
    }
  }

  private void respond(MessageClass messageClass, Consumer<StunBuilder> attributes) {
    TransactionId id = outbox.last().transactionId();
    StunBuilder builder =
        StunBuilder.message(messageClass, Method.BINDING, id, ByteBuffer.allocate(4000));
    attributes.accept(builder);
    client.handleDatagram(PATH, builder.finish(), now);
  }

  private static Consumer<StunBuilder> challenge(int code, String realm, String nonce) {
    return b -> b.put(AttributeType.ERROR_CODE, ErrorCode.of(code))
        .put(AttributeType.REALM, realm)
        .put(AttributeType.NONCE, nonce);
  }

  @ParameterizedTest
  @CsvSource({"false, false", "true, false", "false, true", "true, true"})
  @Tag("STUN-0910")
  @Tag("STUN-0830")
  @Tag("STUN-0470")
  void clientLogsInWithWhatTheServerOffers(boolean algorithms, boolean anonymity) {
    BindingServer server = server(algorithms ? BOTH : List.of(), anonymity, serverOutbox);
    ask();
    exchange(server, 0);
    assertThat(outbox.sent).hasSize(2).allMatch(bytes -> bytes.remaining() < 548);
    assertThat(outbox.message(0)).asString().endsWith(" SOFTWARE");
    StunMessage login = outbox.message(1);
    assertThat(login.transactionId()).isNotEqualTo(outbox.message(0).transactionId());
    assertThat(login.has(AttributeType.USERNAME)).isEqualTo(!anonymity);
    assertThat(login.has(AttributeType.USERHASH)).isEqualTo(anonymity);
    assertThat(login.get(AttributeType.REALM)).isEqualTo(REALM);
    assertThat(login.get(AttributeType.PASSWORD_ALGORITHMS)).isEqualTo(algorithms ? BOTH : null);
    assertThat(login.get(AttributeType.PASSWORD_ALGORITHM))
        .isEqualTo(algorithms ? PasswordAlgorithm.SHA_256 : null);
    assertThat(login.has(AttributeType.MESSAGE_INTEGRITY_SHA256)).isEqualTo(algorithms);
    assertThat(login.has(AttributeType.MESSAGE_INTEGRITY)).isEqualTo(!algorithms);
    assertThat(outbox.answered).hasSize(1);
  }

  @Test
  @Tag("STUN-0930")
  void laterRequestsUseTheCachedRealmAndNonce() {
    BindingServer server = server(BOTH, false, serverOutbox);
    ask();
    exchange(server, 0);
    ask();
    exchange(server, 2);
    assertThat(outbox.sent).hasSize(3);
    assertThat(outbox.message(2).get(AttributeType.NONCE))
        .isEqualTo(outbox.message(1).get(AttributeType.NONCE));
    assertThat(outbox.answered).hasSize(2);
  }

  @Test
  @Tag("STUN-0930")
  void staleNonceIsReplacedAndTheRestStays() {
    BindingServer server = server(BOTH, true, serverOutbox);
    ask();
    exchange(server, 0);
    now += Duration.ofHours(2).toNanos();
    ask();
    exchange(server, 2);
    assertThat(outbox.sent).hasSize(4);
    assertThat(outbox.message(3).get(AttributeType.NONCE))
        .isNotEqualTo(outbox.message(2).get(AttributeType.NONCE));
    assertThat(outbox.message(3).has(AttributeType.USERHASH)).isTrue();
    assertThat(outbox.message(3).get(AttributeType.PASSWORD_ALGORITHM))
        .isEqualTo(PasswordAlgorithm.SHA_256);
    assertThat(outbox.answered).hasSize(2);
  }

  @Test
  @Tag("STUN-0930")
  void serverThatKeepsSayingStaleIsGivenUp() {
    ask();
    respond(MessageClass.ERROR, challenge(401, REALM, "n"));
    for (int i = 0; i < 10; i++) {
      respond(MessageClass.ERROR, challenge(438, REALM, "n" + i));
    }
    assertThat(outbox.failures).containsExactly(StunClient.Failure.UNAUTHENTICATED);
    assertThat(outbox.sent).hasSize(5);
  }

  @Test
  @Tag("STUN-0910")
  void wrongPasswordIsTriedOnce() {
    client = client(new LongTermCredential("user", "wrong"));
    ask();
    exchange(server(BOTH, false, serverOutbox), 0);
    assertThat(outbox.sent).hasSize(2);
    assertThat(outbox.failures).containsExactly(StunClient.Failure.UNAUTHENTICATED);
    assertThat(outbox.errors).containsExactly(ErrorCode.of(401));
  }

  @Test
  @Tag("STUN-0910")
  void anotherRealmIsAReasonToTryAgain() {
    ask();
    respond(MessageClass.ERROR, challenge(401, "one.example", "n1"));
    respond(MessageClass.ERROR, challenge(401, "two.example", "n2"));
    assertThat(outbox.sent).hasSize(3);
    assertThat(outbox.last().get(AttributeType.REALM)).isEqualTo("two.example");
    assertThat(outbox.last().verifyIntegrity(USER.key("two.example", PasswordAlgorithm.MD5)))
        .isTrue();
  }

  @Test
  @Tag("STUN-0910")
  void firstSupportedAlgorithmIsChosenAndTheListCopied() {
    PasswordAlgorithm future =
        new PasswordAlgorithm(77, ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5}));
    List<PasswordAlgorithm> offered =
        List.of(future, PasswordAlgorithm.MD5, PasswordAlgorithm.SHA_256);
    ask();
    respond(
        MessageClass.ERROR,
        challenge(401, REALM, "obMatJos2AAABn")
            .andThen(b -> b.put(AttributeType.PASSWORD_ALGORITHMS, offered)));
    assertThat(outbox.last().get(AttributeType.PASSWORD_ALGORITHMS)).isEqualTo(offered);
    assertThat(outbox.last().get(AttributeType.PASSWORD_ALGORITHM))
        .isEqualTo(PasswordAlgorithm.MD5);
    assertThat(outbox.last().verifyIntegrity(USER.key(REALM, PasswordAlgorithm.MD5)))
        .isTrue();
  }

  @Test
  @Tag("STUN-0910")
  void noSupportedAlgorithmMeansNoRetry() {
    List<PasswordAlgorithm> offered = List.of(new PasswordAlgorithm(77, ByteBuffer.allocate(0)));
    ask();
    respond(
        MessageClass.ERROR,
        challenge(401, REALM, "obMatJos2AAABn")
            .andThen(b -> b.put(AttributeType.PASSWORD_ALGORITHMS, offered)));
    assertThat(outbox.sent).hasSize(1);
    assertThat(outbox.failures).containsExactly(StunClient.Failure.UNAUTHENTICATED);
  }

  @Test
  void hugeOfferIsRefusedAndTheLongestHonestOneFits() {
    PasswordAlgorithm padding = new PasswordAlgorithm(77, ByteBuffer.allocate(244));
    PasswordAlgorithm more = new PasswordAlgorithm(77, ByteBuffer.allocate(245));
    String realm = "\u0E01".repeat(127);
    String nonce = "obMatJos2AAAB" + "\uD83D\uDE00".repeat(114);
    LongTermCredential longest = new LongTermCredential("u".repeat(508), "p");
    StunClient.Options options =
        new StunClient.Options(Retransmission.DEFAULT, "\uD83D\uDE00".repeat(127), true, true);
    for (PasswordAlgorithm other : List.of(padding, more)) {
      RoundTripTimes roundTrips = new RoundTripTimes(Duration.ofMillis(500));
      client = new StunClient(
          PATH, options, ClientAuthentication.longTerm(longest), roundTrips, new Random(1), outbox);
      client.request(
          Method.BINDING,
          b -> b.put(AttributeType.PADDING, ByteBuffer.allocate(1400)),
          UNDERSTOOD,
          now);
      List<PasswordAlgorithm> offered =
          List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5, other);
      respond(
          MessageClass.ERROR,
          challenge(401, realm, nonce)
              .andThen(b -> b.put(AttributeType.PASSWORD_ALGORITHMS, offered)));
    }
    assertThat(outbox.sent).hasSize(3);
    assertThat(outbox.failures).containsExactly(StunClient.Failure.UNAUTHENTICATED);
  }

  @Test
  void offerWithoutTheBitInTheNonceIsNotBelieved() {
    ask();
    respond(
        MessageClass.ERROR,
        challenge(401, REALM, "plain")
            .andThen(b -> b.put(AttributeType.PASSWORD_ALGORITHMS, BOTH)));
    assertThat(outbox.last().has(AttributeType.PASSWORD_ALGORITHM)).isFalse();
    assertThat(outbox.last().verifyIntegrity(USER.key(REALM, PasswordAlgorithm.MD5)))
        .isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"obMatJos2AAABn", "obMatJos2gAAAn"})
  @Tag("STUN-0920")
  void strippedAlgorithmsAreNoReasonToTryAgain(String nonce) {
    ask();
    respond(MessageClass.ERROR, challenge(401, REALM, nonce));
    assertThat(outbox.sent).hasSize(1);
    assertThat(outbox.failures).containsExactly(StunClient.Failure.UNAUTHENTICATED);
  }

  @Test
  @Tag("STUN-0920")
  void otherResponsesWithStrippedAlgorithmsAreIgnored() {
    ask();
    respond(MessageClass.SUCCESS, b -> b.put(AttributeType.NONCE, "obMatJos2AAABn"));
    assertThat(outbox.answered).isEmpty();
    assertThat(outbox.failed).isEmpty();
    respond(MessageClass.SUCCESS, b -> {});
    assertThat(outbox.answered).hasSize(1);
  }

  @Test
  @Tag("STUN-0940")
  void spoofedBadRequestIsAsIfItHadNotCome() {
    ask();
    respond(MessageClass.ERROR, challenge(401, REALM, "n"));
    respond(MessageClass.ERROR, b -> b.put(AttributeType.ERROR_CODE, ErrorCode.of(400)));
    respond(MessageClass.SUCCESS, b -> {});
    assertThat(outbox.failed).isEmpty();
    assertThat(outbox.answered).isEmpty();
    respond(MessageClass.SUCCESS, b -> b.integrity(USER.key(REALM, PasswordAlgorithm.MD5)));
    assertThat(outbox.answered).hasSize(1);
  }

  @Test
  void challengesThatCannotBeMetEndTheRequestWithoutAnException() {
    AttributeType<ByteBuffer> rawRealm = AttributeType.ofBytes(0x14, "REALM", 0, 999);
    AttributeType<ByteBuffer> rawNonce = AttributeType.ofBytes(0x15, "NONCE", 0, 999);
    ByteBuffer tooLong = ByteBuffer.wrap("x".repeat(200).getBytes());
    List<Consumer<StunBuilder>> challenges = List.of(
        b -> {},
        b -> b.put(AttributeType.REALM, REALM),
        b -> b.put(AttributeType.NONCE, "n"),
        b -> b.put(AttributeType.NONCE, "n").put(AttributeType.REALM, ""),
        b -> b.put(AttributeType.NONCE, "n").put(AttributeType.REALM, "a\u0007b"),
        b -> b.put(AttributeType.NONCE, "n").put(rawRealm, tooLong.duplicate()),
        b -> b.put(rawNonce, tooLong.duplicate()).put(AttributeType.REALM, REALM),
        b -> b.put(AttributeType.NONCE, "obMatJos2AAABn")
            .put(AttributeType.REALM, REALM)
            .put(AttributeType.PASSWORD_ALGORITHMS, List.of()));
    for (int code : new int[] {401, 438}) {
      for (Consumer<StunBuilder> attributes : challenges) {
        int before = outbox.failures.size();
        ask();
        respond(
            MessageClass.ERROR,
            attributes.andThen(b -> b.put(AttributeType.ERROR_CODE, ErrorCode.of(code))));
        assertThat(outbox.failures)
            .hasSize(before + 1)
            .last()
            .isEqualTo(StunClient.Failure.UNAUTHENTICATED);
      }
    }
  }

  @Test
  void countedRequestsStaySealed() {
    RoundTripTimes roundTrips = new RoundTripTimes(Duration.ofMillis(500));
    StunClient.Options counting =
        new StunClient.Options(Retransmission.DEFAULT, "frazil", true, true);
    client = new StunClient(
        PATH, counting, ClientAuthentication.longTerm(USER), roundTrips, new Random(1), outbox);
    BindingServer server = server(BOTH, false, serverOutbox);
    ask();
    exchange(server, 0);
    ask();
    now = client.nextTimeout();
    client.handleTimeout(now);
    exchange(server, 3); // the retransmission
    assertThat(outbox.answered).hasSize(2);
  }
}
