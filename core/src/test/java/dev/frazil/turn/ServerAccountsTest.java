package dev.frazil.turn;

import static dev.frazil.turn.ServerHarness.PEER;
import static dev.frazil.turn.ServerHarness.SERVER;
import static dev.frazil.turn.ServerHarness.code;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ServerHarness.Client;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Users by shared secrets, and by tokens of authorization servers (RFC 7635). */
class ServerAccountsTest {
  private static final long EPOCH = 1_700_000_000L;
  private static final String NAME = "turn.example.org";
  private static final byte[] KEY = new byte[32];
  private static final byte[] NONCE = HexFormat.of().parseHex("000102030405060708090a0b");
  private static final byte[] MAC_KEY = "0123456789abcdef0123".getBytes(UTF_8);

  static {
    Arrays.fill(KEY, (byte) 7);
  }

  // REST credentials

  private static ServerHarness restServer(List<String> secrets, String... denied) {
    RestCredentials users = new RestCredentials(secrets, Set.of(denied));
    return ServerHarness.bare(b -> b.relay(Relay.of(SERVER))
        .realm(ServerHarness.REALM, users)
        .allocations(100, 2)
        .epoch(Duration.ofSeconds(EPOCH)));
  }

  /** The Unix time of a harness, whose clock starts at 1,000 s. */
  private static long unixTime(ServerHarness net) {
    return EPOCH + net.now / 1_000_000_000L;
  }

  /** openssl dgst -sha1 -hmac north -binary | base64, of {@code 1433895918:506f45}. */
  @Test
  @Tag("TURN-1800")
  void passwordIsTheHmacOfTheUsername() {
    LongTermCredential credential = RestCredentials.credential("north", 1433895918L, "506f45");
    assertThat(credential.username()).isEqualTo("1433895918:506f45");
    assertThat(credential.password()).isEqualTo("A/NHw80GmBgNsmwNl77QsmxeWio=");
    assertThat(RestCredentials.credential("north", 5, "").username()).isEqualTo("5");
  }

  @Test
  @Tag("TURN-1800")
  void usernameIsGoodUntilItsTime() {
    ServerHarness net = restServer(List.of("north"));
    long time = unixTime(net);
    assertThat(code(net.client(5000)
            .as(RestCredentials.credential("north", time + 100, "ann"))
            .allocate(b -> {})))
        .isZero();
    StunMessage expired =
        net.client(5001).as(RestCredentials.credential("north", time, "ann")).allocate(b -> {});
    assertThat(code(expired)).isEqualTo(401);
    assertThat(expired.has(AttributeType.NONCE)).isTrue();
    assertThat(code(net.client(5002)
            .as(RestCredentials.credential("south", time + 100, "ann"))
            .allocate(b -> {})))
        .isEqualTo(401);
    Client strange = net.client(5003).as(RestCredentials.credential("north", time + 100, "x"));
    for (String name : List.of("ann", ":ann", "-5:ann", "99999999999999999999:ann", "1e9:ann")) {
      strange.username = name;
      assertThat(code(strange.allocate(b -> {}))).as(name).isEqualTo(401);
    }
  }

  @Test
  @Tag("TURN-1810")
  void whatIsThereGoesOnWhenTheUsernameHasExpired() {
    ServerHarness net = restServer(List.of("north"));
    Client client =
        net.client(5000).as(RestCredentials.credential("north", unixTime(net) + 100, "ann"));
    client.allocate();
    net.passSeconds(300);
    assertThat(client.refresh(b -> {})).isZero();
    assertThat(client.permit(PEER)).isZero();
    Client other =
        net.client(5000).as(RestCredentials.credential("north", unixTime(net) + 100, "ann"));
    assertThat(other.refresh(b -> {})).as("another username of the same user").isEqualTo(441);
    client.release();
    assertThat(code(client.allocate(b -> {}))).isEqualTo(401);
  }

  @Test
  @Tag("TURN-1820")
  void severalSecretsAreGoodAtOnceAndNamesCanBeDenied() {
    String denied = EPOCH + 5000 + ":bob";
    ServerHarness net = restServer(List.of("old", "new"), denied);
    long time = unixTime(net) + 100;
    for (String secret : List.of("old", "new")) {
      Client client = net.client(secret.equals("old") ? 5000 : 5001)
          .as(RestCredentials.credential(secret, time, secret));
      StunMessage response = client.allocate(b -> {});
      assertThat(code(response)).isZero();
      assertThat(response.verifyIntegrity(client.signingKey())).isTrue();
    }
    assertThat(code(net.client(5002)
            .as(RestCredentials.credential("new", EPOCH + 5000, "bob"))
            .allocate(b -> {})))
        .isEqualTo(401);
    assertThatThrownBy(() -> new RestCredentials(List.of(), Set.of()))
        .hasMessageContaining("secrets");
    assertThat(new RestCredentials(List.of("hidden"), Set.of()).toString())
        .doesNotContain("hidden");
  }

  @Test
  @Tag("TURN-0290")
  void quotaIsOfTheUserBehindRenewedNames() {
    ServerHarness net = restServer(List.of("north"));
    for (int i = 0; i < 3; i++) {
      Client client = net.client(5000 + i)
          .as(RestCredentials.credential("north", unixTime(net) + 100 + i, "ann"));
      assertThat(code(client.allocate(b -> {}))).isEqualTo(i < 2 ? 0 : 486);
    }
  }

  @Test
  void whereTheTimeIsUnknownEveryNameHasExpired() {
    ServerHarness net = ServerHarness.bare(b -> b.relay(Relay.of(SERVER))
        .realm(ServerHarness.REALM, new RestCredentials(List.of("north"), Set.of())));
    assertThat(code(net.client(5000)
            .as(RestCredentials.credential("north", 99_999_999_999L, "ann"))
            .allocate(b -> {})))
        .isEqualTo(401);
  }

  // Tokens

  private final ServerHarness net = new ServerHarness(builder ->
      builder.epoch(Duration.ofSeconds(EPOCH)).tokens(NAME, id -> id.equals("kid") ? KEY : null));

  private Client bearer(int port) {
    Client client = net.client(port);
    client.username = "kid";
    client.key = IntegrityKey.ofBytes(MAC_KEY);
    return client;
  }

  private ByteBuffer token(long issued, long lifetime) {
    return new AccessToken(MAC_KEY, issued, lifetime).encode(KEY, NAME, NONCE);
  }

  private static StunMessage allocate(Client client, ByteBuffer token) {
    return client.allocate(b -> b.put(AttributeType.ACCESS_TOKEN, token));
  }

  @Test
  @Tag("TURN-1700")
  void challengeNamesTheServerForTheAuthorizationServer() {
    StunMessage challenge =
        net.client(5000).bare(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17));
    assertThat(
            UTF_8.decode(challenge.get(AttributeType.THIRD_PARTY_AUTHORIZATION)).toString())
        .isEqualTo(NAME);
    Client bad = net.client(5001).as(new LongTermCredential("user", "wrong"));
    assertThat(bad.allocate(b -> {}).has(AttributeType.THIRD_PARTY_AUTHORIZATION))
        .isTrue();
    Client stale = net.client(5002);
    stale.nonce = "stale";
    StunMessage asked = stale.send(stale.signed(Method.REFRESH, stale.newId(), b -> {}));
    assertThat(code(asked)).isEqualTo(438);
    assertThat(asked.has(AttributeType.THIRD_PARTY_AUTHORIZATION)).isFalse();
  }

  @Test
  @Tag("TURN-1720")
  void tokenSurvivesTheWayAndNoTampering() {
    ByteBuffer token = token(EPOCH, 3600);
    // 2 and 12 of nonce; 2, 20, 8 and 4 sealed; 16 of tag
    assertThat(token.remaining()).isEqualTo(14 + 34 + 16);
    assertThat(token.getShort(0)).isEqualTo((short) 12);
    AccessToken opened = AccessToken.tryDecode(token, KEY, NAME);
    assertThat(opened.issued()).isEqualTo(EPOCH);
    assertThat(opened.expiry()).isEqualTo(EPOCH + 3600);
    assertThat(opened.toString()).doesNotContain("0123");
    for (int i = 0; i < token.limit(); i++) {
      ByteBuffer tampered = ByteBuffer.allocate(token.limit()).put(0, token, 0, token.limit());
      tampered.put(i, (byte) (tampered.get(i) ^ 1));
      assertThat(AccessToken.tryDecode(tampered, KEY, NAME)).as("byte " + i).isNull();
      assertThat(AccessToken.tryDecode(token.duplicate().limit(i), KEY, NAME)).isNull();
    }
    assertThat(AccessToken.tryDecode(token, KEY, "other.example.org")).isNull();
    assertThat(AccessToken.tryDecode(token, new byte[32], NAME)).isNull();
    assertThat(AccessToken.tryDecode(token, new byte[5], NAME)).isNull();
    assertThat(AccessToken.tryDecode(ByteBuffer.allocate(65_000), KEY, NAME)).isNull();
    assertThatThrownBy(() -> new AccessToken(new byte[0], 1, 1)).hasMessageContaining("macKey");
    assertThatThrownBy(() -> new AccessToken(MAC_KEY, 1, 1L << 32))
        .hasMessageContaining("lifetime");
    assertThatThrownBy(() -> new AccessToken(MAC_KEY, 1, 1).encode(new byte[3], NAME, NONCE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  @Tag("TURN-1730")
  void bearerOfATokenAllocatesForAsLongAsItIsGood() {
    Client client = bearer(5000);
    long time = unixTime(net);
    StunMessage response = allocate(client, token(time - 100, 300));
    assertThat(code(response)).isZero();
    assertThat(response.verifyIntegrity(client.signingKey())).isTrue();
    assertThat(response.intValue(AttributeType.LIFETIME, 0)).isEqualTo(205); // with 5 s tolerance
    net.passSeconds(100);
    StunMessage extended = client.request(
        Method.REFRESH, b -> b.put(AttributeType.ACCESS_TOKEN, token(unixTime(net), 1000)));
    assertThat(extended.intValue(AttributeType.LIFETIME, 0)).isEqualTo(600);
    net.passSeconds(200);
    assertThat(net.server.sessions()).hasSize(1);
  }

  @Test
  @Tag("TURN-1730")
  void badOrExpiredTokensAreNobody() {
    long time = unixTime(net);
    assertThat(code(allocate(bearer(5000), token(time - 100, 96))))
        .as("tolerated")
        .isZero();
    assertThat(code(allocate(bearer(5001), token(time - 100, 95)))).isEqualTo(401);
    assertThat(code(allocate(bearer(5002), token(time + 5, 100))))
        .as("tolerated")
        .isZero();
    assertThat(code(allocate(bearer(5003), token(time + 6, 100)))).isEqualTo(401);
    assertThat(code(allocate(bearer(5004), ByteBuffer.allocate(60_000)))).isEqualTo(401);
    assertThat(code(allocate(bearer(5005), ByteBuffer.allocate(0)))).isEqualTo(401);
    Client unknown = bearer(5006);
    unknown.username = "other";
    assertThat(code(allocate(unknown, token(time, 100)))).isEqualTo(401);
    Client thief = bearer(5007);
    thief.key = IntegrityKey.ofBytes(new byte[20]);
    assertThat(code(allocate(thief, token(time, 100))))
        .as("without its mac_key")
        .isEqualTo(401);
    net.client(5008).allocate(); // users of the realm come in as ever
  }

  @Test
  void tokensAreUnknownWhereTheyAreOff() {
    ServerHarness off = new ServerHarness();
    StunMessage response =
        off.client(5000).allocate(b -> b.put(AttributeType.ACCESS_TOKEN, ByteBuffer.allocate(10)));
    assertThat(code(response)).isEqualTo(420);
    assertThat(response.get(AttributeType.UNKNOWN_ATTRIBUTES)).containsExactly(0x001B);
  }

  @Test
  void usersMaySendAHashOfTheirName() {
    Consumer<TurnServerConfiguration.Builder> settings = b -> b.relay(Relay.of(SERVER))
        .usernameAnonymity(true)
        .realm(ServerHarness.REALM, new TurnAccounts() {
          @Override
          public IntegrityKey key(String name, String realm, PasswordAlgorithm algorithm) {
            return ServerHarness.key(name, realm, algorithm);
          }

          @Override
          public String username(ByteBuffer userhash, String realm) {
            return userhash.equals(ServerHarness.USER.userhash(realm)) ? "user" : null;
          }
        });
    ServerHarness hashed = ServerHarness.bare(settings);
    Client client = hashed.client(5000);
    client.login();
    ByteBuffer request = dev.frazil.stun.StunBuilder.request(
            Method.ALLOCATE, client.newId(), ByteBuffer.allocate(500))
        .put(AttributeType.REQUESTED_TRANSPORT, 17)
        .put(AttributeType.USERHASH, ServerHarness.USER.userhash(ServerHarness.REALM))
        .put(AttributeType.REALM, ServerHarness.REALM)
        .put(AttributeType.NONCE, client.nonce)
        .integrity(client.signingKey())
        .finish();
    assertThat(code(client.send(request))).isZero();
    assertThat(hashed.server.sessions().get(0).username()).isEqualTo("user");
  }
}
