package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerAuthenticationTest {
  private static final TransportAddress CLIENT = TransportAddress.udp("192.0.2.1", 5000);
  private static final TransactionId ID = new TransactionId(1, 2);
  private static final String REALM = "example.org";
  private static final LongTermCredential USER = new LongTermCredential("user", "pass");
  private static final List<PasswordAlgorithm> BOTH =
      List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5);
  private static final long HOUR = Duration.ofHours(1).toNanos();

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

  private static ServerAuthentication longTerm(
      List<PasswordAlgorithm> algorithms, boolean anonymity) {
    ServerAuthentication.LongTermOptions options =
        new ServerAuthentication.LongTermOptions(REALM, algorithms, anonymity, Duration.ofHours(1));
    return ServerAuthentication.longTerm(options, ACCOUNTS, new Random(1));
  }

  private static StunMessage request(Consumer<StunBuilder> attributes) {
    StunBuilder builder = StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(2000));
    attributes.accept(builder);
    return StunMessage.tryParse(builder.finish());
  }

  private static StunMessage response(ServerAuthentication.Verdict verdict) {
    ByteBuffer out = ByteBuffer.allocate(2000);
    StunBuilder builder = verdict.isAccepted()
        ? StunBuilder.success(Method.BINDING, ID, out)
        : StunBuilder.error(Method.BINDING, ID, out, verdict.errorCode());
    return StunMessage.tryParse(verdict.finish(builder).finish());
  }

  /** The response to a request that came from CLIENT. */
  private static StunMessage response(
      ServerAuthentication server, long now, Consumer<StunBuilder> attributes) {
    return response(server.check(request(attributes), CLIENT, now));
  }

  private static int code(StunMessage response) {
    ErrorCode error = response.get(AttributeType.ERROR_CODE);
    return error == null ? 0 : error.code();
  }

  private static String nonce(ServerAuthentication server, long now) {
    return response(server, now, b -> {}).get(AttributeType.NONCE);
  }

  private static void assertBare(StunMessage response) {
    assertThat(response.hasIntegrity()).isFalse();
    assertThat(response.has(AttributeType.USERNAME)).isFalse();
    assertThat(response.has(AttributeType.REALM)).isFalse();
    assertThat(response.has(AttributeType.NONCE)).isFalse();
  }

  private static void assertChallenge(StunMessage response) {
    assertThat(response.get(AttributeType.REALM)).isEqualTo(REALM);
    assertThat(response.get(AttributeType.NONCE)).startsWith("obMatJos2AAA");
    assertThat(response.get(AttributeType.PASSWORD_ALGORITHMS)).isEqualTo(BOTH);
    assertThat(response.hasIntegrity()).isFalse();
    assertThat(response.has(AttributeType.USERNAME)).isFalse();
  }

  // Short-term

  private final IntegrityKey shortKey = IntegrityKey.shortTerm("pass");
  private final ServerAuthentication shortTerm =
      ServerAuthentication.shortTerm(name -> name.equals("user") ? shortKey : null);

  @Test
  @Tag("STUN-0720")
  void shortTermRefusals() {
    IntegrityKey wrong = IntegrityKey.shortTerm("wrong");
    StunMessage[] bad = {
      response(shortTerm, 0, b -> {}),
      response(shortTerm, 0, b -> b.put(AttributeType.USERNAME, "user")),
      response(shortTerm, 0, b -> b.integrity(shortKey)),
      response(shortTerm, 0, b -> b.integritySha256(shortKey)),
    };
    StunMessage[] unauthenticated = {
      response(shortTerm, 0, b -> b.put(AttributeType.USERNAME, "other").integrity(shortKey)),
      response(shortTerm, 0, b -> b.put(AttributeType.USERNAME, "user").integrity(wrong)),
      response(shortTerm, 0, b -> b.put(AttributeType.USERNAME, "user").integritySha256(wrong)),
      response(
          shortTerm,
          0,
          b -> b.put(AttributeType.USERNAME, "user").integrity(shortKey).integritySha256(wrong)),
    };
    for (StunMessage response : bad) {
      assertThat(code(response)).isEqualTo(400);
      assertBare(response);
    }
    for (StunMessage response : unauthenticated) {
      assertThat(code(response)).isEqualTo(401);
      assertBare(response);
    }
  }

  @ParameterizedTest
  @CsvSource({"SHA1, SHA1", "SHA256, SHA256", "BOTH, SHA256"})
  @Tag("STUN-0730")
  void shortTermResponseUsesTheRequestsAlgorithm(Integrity request, Integrity response) {
    StunMessage answer =
        response(shortTerm, 0, b -> request.seal(b.put(AttributeType.USERNAME, "user"), shortKey));
    assertThat(answer.messageClass()).isEqualTo(MessageClass.SUCCESS);
    assertThat(answer.has(AttributeType.MESSAGE_INTEGRITY)).isEqualTo(response == Integrity.SHA1);
    assertThat(answer.has(AttributeType.MESSAGE_INTEGRITY_SHA256))
        .isEqualTo(response == Integrity.SHA256);
    assertThat(answer.verifyIntegrity(shortKey)).isTrue();
    assertThat(answer.has(AttributeType.USERNAME)).isFalse();
  }

  @Test
  void verdictNamesTheUser() {
    StunMessage request = request(b -> b.put(AttributeType.USERNAME, "user").integrity(shortKey));
    assertThat(shortTerm.check(request, CLIENT, 0).username()).isEqualTo("user");
    assertThat(shortTerm.check(request(b -> {}), CLIENT, 0).username()).isNull();
  }

  // Long-term: the checks of RFC 8489 9.2.4 in their order

  private final ServerAuthentication server = longTerm(BOTH, false);

  private static Consumer<StunBuilder> login(String nonce, Consumer<StunBuilder> rest) {
    return b -> {
      b.put(AttributeType.USERNAME, "user")
          .put(AttributeType.REALM, REALM)
          .put(AttributeType.NONCE, nonce);
      rest.accept(b);
    };
  }

  private static void explicit(StunBuilder builder, PasswordAlgorithm algorithm) {
    builder
        .put(AttributeType.PASSWORD_ALGORITHMS, BOTH)
        .put(AttributeType.PASSWORD_ALGORITHM, algorithm);
    builder.integritySha256(USER.key(REALM, algorithm));
  }

  @Test
  @Tag("STUN-0840")
  void firstCheckIsForAnIntegrityAttribute() {
    assertChallenge(response(server, 0, b -> {}));
    StunMessage response = response(server, 0, login("x", b -> {}));
    assertThat(code(response)).isEqualTo(401);
    assertChallenge(response);
  }

  @Test
  @Tag("STUN-0840")
  void noncesAreOfOneClient() {
    Set<String> nonces = new HashSet<>();
    for (String ip : List.of("192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1%1", "fe80::1%2")) {
      for (int port : new int[] {5000, 5001}) {
        TransportAddress client = TransportAddress.udp(ip, port);
        assertThat(nonces.add(
                response(server.check(request(b -> {}), client, 0)).get(AttributeType.NONCE)))
            .isTrue();
      }
    }
    String nonce = nonce(server, 0);
    StunMessage request = request(login(nonce, b -> explicit(b, PasswordAlgorithm.SHA_256)));
    assertThat(server.check(request, CLIENT, 1).isAccepted()).isTrue();
    assertThat(server.check(request, CLIENT.withPort(5001), 1).errorCode()).isEqualTo(438);
  }

  @Test
  @Tag("STUN-0850")
  void secondCheckIsForNameRealmAndNonce() {
    IntegrityKey key = USER.key(REALM, PasswordAlgorithm.MD5);
    List<Consumer<StunBuilder>> incomplete = List.of(
        b -> {},
        b -> b.put(AttributeType.USERNAME, "user").put(AttributeType.REALM, REALM),
        b -> b.put(AttributeType.USERNAME, "user").put(AttributeType.NONCE, "n"),
        b -> b.put(AttributeType.REALM, REALM).put(AttributeType.NONCE, "n"));
    for (Consumer<StunBuilder> attributes : incomplete) {
      StunMessage response = response(server, 0, attributes.andThen(b -> b.integrity(key)));
      assertThat(code(response)).isEqualTo(400);
      assertBare(response);
    }
  }

  @Test
  @Tag("STUN-0860")
  void thirdCheckIsThatNobodyTouchedTheAlgorithms() {
    String nonce = nonce(server, 0);
    IntegrityKey md5 = USER.key(REALM, PasswordAlgorithm.MD5);
    PasswordAlgorithm unknown = new PasswordAlgorithm(7, ByteBuffer.allocate(0));
    List<Consumer<StunBuilder>> tampered = List.of(
        b -> b.put(AttributeType.PASSWORD_ALGORITHMS, BOTH),
        b -> b.put(AttributeType.PASSWORD_ALGORITHM, PasswordAlgorithm.MD5),
        b -> b.put(AttributeType.PASSWORD_ALGORITHMS, List.of(PasswordAlgorithm.MD5))
            .put(AttributeType.PASSWORD_ALGORITHM, PasswordAlgorithm.MD5),
        b -> b.put(
                AttributeType.PASSWORD_ALGORITHMS,
                List.of(PasswordAlgorithm.MD5, PasswordAlgorithm.SHA_256))
            .put(AttributeType.PASSWORD_ALGORITHM, PasswordAlgorithm.MD5),
        b -> b.put(AttributeType.PASSWORD_ALGORITHMS, BOTH)
            .put(AttributeType.PASSWORD_ALGORITHM, unknown));
    for (Consumer<StunBuilder> attributes : tampered) {
      StunMessage response =
          response(server, 0, login(nonce, attributes.andThen(b -> b.integrity(md5))));
      assertThat(code(response)).isEqualTo(400);
      assertBare(response);
    }
    assertThat(code(response(server, 0, login(nonce, b -> b.integrity(md5)))))
        .as("neither: MD5")
        .isZero();
    assertThat(code(response(server, 0, login(nonce, b -> explicit(b, PasswordAlgorithm.MD5)))))
        .isZero();
    assertThat(code(response(server, 0, login(nonce, b -> explicit(b, PasswordAlgorithm.SHA_256)))))
        .isZero();
  }

  @Test
  @Tag("STUN-0860")
  void strippedNonceCookieIsNoValidNonce() {
    String nonce = nonce(server, 0).replace("obMatJos2AAAB", "obMatJos2AAAA");
    IntegrityKey md5 = USER.key(REALM, PasswordAlgorithm.MD5);
    assertThat(code(response(server, 0, login(nonce, b -> b.integrity(md5))))).isEqualTo(438);
  }

  @Test
  @Tag("STUN-0870")
  @Tag("STUN-0880")
  void unknownUserAndWrongPasswordLookAlike() {
    String nonce = nonce(server, 0);
    IntegrityKey wrong = new LongTermCredential("user", "wrong").key(REALM, PasswordAlgorithm.MD5);
    StunMessage badPassword = response(server, 5, login(nonce, b -> b.integrity(wrong)));
    StunMessage badUser = response(
        server,
        5,
        b -> b.put(AttributeType.USERNAME, "nobody")
            .put(AttributeType.REALM, REALM)
            .put(AttributeType.NONCE, nonce)
            .integrity(wrong));
    assertThat(code(badPassword)).isEqualTo(401);
    assertChallenge(badPassword);
    assertThat(badUser.bytes()).isEqualTo(badPassword.bytes());
  }

  @Test
  @Tag("STUN-0870")
  void userhashIsLookedUpWhereAnonymityIsOffered() {
    ServerAuthentication anonymous = longTerm(BOTH, true);
    String nonce = nonce(anonymous, 0);
    assertThat(nonce).startsWith("obMatJos2AAAD");
    Consumer<StunBuilder> known = b -> {
      b.put(AttributeType.USERHASH, USER.userhash(REALM)).put(AttributeType.REALM, REALM);
      explicit(b.put(AttributeType.NONCE, nonce), PasswordAlgorithm.SHA_256);
    };
    assertThat(anonymous.check(request(known), CLIENT, 0).username()).isEqualTo("user");
    assertThat(code(response(anonymous, 0, b -> {
          b.put(AttributeType.USERHASH, ByteBuffer.allocate(32)).put(AttributeType.REALM, REALM);
          explicit(b.put(AttributeType.NONCE, nonce), PasswordAlgorithm.SHA_256);
        })))
        .isEqualTo(401);
    assertThat(code(response(server, 0, known))).as("not offered").isEqualTo(401);
  }

  @Test
  @Tag("STUN-0890")
  void sixthCheckIsForAFreshNonceAndOnlyAfterTheRightHmac() {
    String nonce = nonce(server, 0);
    Consumer<StunBuilder> right = login(nonce, b -> explicit(b, PasswordAlgorithm.SHA_256));
    Consumer<StunBuilder> wrong = login(
        nonce,
        b ->
            b.integrity(new LongTermCredential("user", "wrong").key(REALM, PasswordAlgorithm.MD5)));
    assertThat(code(response(server, HOUR - 1, right))).isZero();
    StunMessage stale = response(server, HOUR, right);
    assertThat(code(stale)).isEqualTo(438);
    assertChallenge(stale);
    String next = stale.get(AttributeType.NONCE);
    assertThat(code(response(
            server, HOUR, login(next, b -> explicit(b, PasswordAlgorithm.SHA_256)))))
        .isZero();
    assertThat(code(response(server, HOUR, wrong))).isEqualTo(401);
  }

  @Test
  @Tag("STUN-0890")
  void forgedNoncesAreStale() {
    String nonce = nonce(server, 0);
    IntegrityKey md5 = USER.key(REALM, PasswordAlgorithm.MD5);
    ServerAuthentication another = ServerAuthentication.longTerm(
        ServerAuthentication.LongTermOptions.ofRealm(REALM),
        ACCOUNTS,
        new Random(2)); // with another secret
    List<String> forged = new java.util.ArrayList<>(List.of(
        "x",
        "obMatJos2",
        "obMatJos2AAAB",
        nonce + "A",
        nonce.substring(0, 44),
        nonce(another, 0),
        "obMatJos2AAAB\u20AC"));
    for (int i = 13; i < nonce.length(); i++) {
      char other = nonce.charAt(i) == 'A' ? 'B' : 'A';
      forged.add(nonce.substring(0, i) + other + nonce.substring(i + 1));
    }
    for (String value : forged) {
      assertThat(code(response(server, 0, login(value, b -> b.integrity(md5)))))
          .as(value)
          .isEqualTo(438);
    }
  }

  @Test
  @Tag("STUN-0900")
  void responseIsSealedWithSha256ButForImplicitMd5() {
    String nonce = nonce(server, 0);
    for (PasswordAlgorithm algorithm : BOTH) {
      StunMessage response = response(server, 0, login(nonce, b -> explicit(b, algorithm)));
      assertThat(response.has(AttributeType.MESSAGE_INTEGRITY_SHA256)).isTrue();
      assertThat(response.has(AttributeType.MESSAGE_INTEGRITY)).isFalse();
      assertThat(response.verifyIntegrity(USER.key(REALM, algorithm))).isTrue();
    }
    IntegrityKey md5 = USER.key(REALM, PasswordAlgorithm.MD5);
    StunMessage implicit = response(server, 0, login(nonce, b -> b.integrity(md5)));
    assertThat(implicit.has(AttributeType.MESSAGE_INTEGRITY)).isTrue();
    assertThat(implicit.has(AttributeType.MESSAGE_INTEGRITY_SHA256)).isFalse();
    assertThat(implicit.verifyIntegrity(md5)).isTrue();
  }

  @Test
  @Tag("STUN-0820")
  void nonceAnnouncesTheFeatures() {
    assertThat(nonce(longTerm(List.of(), false), 0)).startsWith("obMatJos2AAAA");
    assertThat(nonce(longTerm(BOTH, false), 0)).startsWith("obMatJos2AAAB");
    assertThat(nonce(longTerm(List.of(), true), 0)).startsWith("obMatJos2AAAC");
    assertThat(nonce(longTerm(BOTH, true), 0)).startsWith("obMatJos2AAAD");
    StunMessage off = response(longTerm(List.of(), false), 0, b -> {});
    assertThat(off.has(AttributeType.PASSWORD_ALGORITHMS)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "obMatJos2AAAA,  false, false",
    "obMatJos2AAABx, true,  false",
    "obMatJos2AAACx, false, true",
    "obMatJos2AAADx, true,  true",
    "obMatJos2gAAAx, true,  false",
    "obMatJos2QAAAx, false, true",
    "obMatJos2wAAAx, true,  true",
    "obMatJos2///8x, true,  true", // bits of the future
    "obMatJos2AAA,   false, false",
    "obMatJos2AA-Bx, false, false",
    "obmatjos2AAABx, false, false",
    "x,              false, false",
  })
  @Tag("STUN-0820")
  void featuresAreReadInEitherBitOrder(String nonce, boolean algorithms, boolean anonymity) {
    assertThat(SecurityFeatures.of(nonce)).isEqualTo(new SecurityFeatures(algorithms, anonymity));
  }

  @Test
  @Tag("STUN-0810")
  void userhashIsOfNameAndRealm() {
    LongTermCredential user =
        new LongTermCredential("\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9", "TheMatrIX");
    StunMessage vector =
        StunMessage.tryParse(StunVectorsTest.bytes(StunVectorsTest.USERHASH_REQUEST));
    assertThat(user.userhash("example.org")).isEqualTo(vector.get(AttributeType.USERHASH));
  }

  @Test
  void credentialsAndOptionsAreChecked() {
    assertThat(USER.toString()).contains("user").doesNotContain("pass,").doesNotContain("=pass");
    assertThatThrownBy(() -> new LongTermCredential("", "p")).hasMessageContaining("username");
    assertThatThrownBy(() -> new LongTermCredential("u", "\t")).hasMessageContaining("password");
    assertThatThrownBy(() -> new LongTermCredential("u".repeat(509), "p"))
        .hasMessageContaining("508");
    assertThatThrownBy(() -> ServerAuthentication.LongTermOptions.ofRealm("r".repeat(128)))
        .hasMessageContaining("realm");
    assertThatThrownBy(
            () -> new ServerAuthentication.LongTermOptions("r", BOTH, false, Duration.ZERO))
        .hasMessageContaining("nonceLifetime");
    assertThatThrownBy(() -> new ServerAuthentication.LongTermOptions(
            "r",
            List.of(new PasswordAlgorithm(3, ByteBuffer.allocate(0))),
            false,
            Duration.ofHours(1)))
        .hasMessageContaining("0x0003");
  }
}
