package dev.frazil.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TurnClient;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ClientAuthentication.ThirdPartyToken;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.AccessToken;
import dev.frazil.turn.TurnEvent;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OauthKeysTest {
  private static final String NAME = "turn.example.org";
  private static final String KEY = "AAECAwQFBgcICQoLDA0ODw==";

  @Test
  void keyIsGoodUntilItsExpiry() {
    OauthKeys early = new OauthKeys(InstantSource.fixed(Instant.parse("2026-12-31T23:59:59Z")));
    OauthKeys late = new OauthKeys(InstantSource.fixed(Instant.parse("2027-01-01T00:00:00Z")));
    for (OauthKeys keys : List.of(early, late)) {
      keys.add("one:" + KEY + ":2027-01-01T00:00:00Z");
      keys.add("two:" + KEY);
    }
    assertThat(early.apply("one")).hasSize(16);
    assertThat(late.apply("one")).isNull();
    assertThat(late.apply("two")).hasSize(16);
    assertThat(late.apply("three")).isNull();
  }

  @Test
  void clientsAreToldWhatToShowToTheirAuthorizationServer() throws Exception {
    ServerConfiguration configuration = new Settings()
        .set(Setting.LISTEN, List.of("127.0.0.1:0"))
        .set(Setting.OAUTH_KEY, List.of("one:" + KEY))
        .set(Setting.OAUTH_SERVER_NAME, List.of(NAME))
        .build();
    assertThat(configuration.relays()).isTrue();
    try (FrazilServer server = FrazilServer.start(configuration);
        TestClient client = new TestClient(server, new LongTermCredential("nobody", "nothing"))) {
      StunMessage challenge =
          client.once(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17));
      assertThat(TestClient.code(challenge)).isEqualTo(401);
      assertThat(UTF_8
              .decode(challenge.get(AttributeType.THIRD_PARTY_AUTHORIZATION))
              .toString())
          .isEqualTo("turn.example.org");
    }
  }

  /** What an authorization server would make: sealed with its key, good from a time on, and maybe broken on the way. */
  private static ThirdPartyToken token(String keyId, byte[] key, Instant issued, int flipped) {
    byte[] macKey = new byte[32];
    ThreadLocalRandom.current().nextBytes(macKey);
    byte[] nonce = new byte[12];
    ThreadLocalRandom.current().nextBytes(nonce);
    ByteBuffer sealed =
        new AccessToken(macKey, issued.getEpochSecond(), 600).encode(key, NAME, nonce);
    sealed.put(sealed.limit() - 1, (byte) (sealed.get(sealed.limit() - 1) ^ flipped));
    return new ThirdPartyToken(keyId, sealed, ByteBuffer.wrap(macKey));
  }

  private static TurnClient client(
      IceRuntime runtime, FrazilServer server, ThirdPartyToken token, Consumer<TurnEvent> events) {
    int port = server.listeners().get(0).address().port();
    return TurnClient.builder(runtime, "turn:127.0.0.1:" + port)
        .configure(settings -> settings.accessToken(token))
        .onEvent(events)
        .open();
  }

  @Test
  @Tag("TURN-1720")
  @Tag("TURN-1730")
  void tokenOfTheAuthorizationServerLetsItsBearerInAndNoOtherDoes(@TempDir Path folder)
      throws Exception {
    byte[] key = Base64.getDecoder().decode(KEY);
    byte[] other = key.clone();
    other[0] ^= 1;
    Settings settings =
        Settings.read(Files.writeString(folder.resolve("frazil.toml"), """
        listen = "127.0.0.1:0"
        oauth-key = ["one:%s", "late:%s:2020-01-01T00:00:00Z"]
        oauth-server-name = "turn.example.org"
        statistics = 0
        """.formatted(KEY, KEY)));
    Instant now = Instant.now();
    ThirdPartyToken good = token("one", key, now, 0);
    try (FrazilServer server = FrazilServer.start(settings.build());
        IceRuntime runtime = IceRuntime.create()) {
      BlockingQueue<TurnEvent> events = new LinkedBlockingQueue<>();
      try (TurnClient client = client(runtime, server, good, events::add)) {
        assertThat(client.allocated().get(30, TimeUnit.SECONDS).relayed()).hasSize(1);
        assertThat(events).doesNotContain(new TurnEvent.TokenWanted(NAME));
      }
      for (ThirdPartyToken bad : List.of(
          token("one", other, now, 0),
          token("one", key, now.minusSeconds(700), 0),
          token("one", key, now, 1),
          token("late", key, now, 0),
          token("none", key, now, 0))) {
        CompletableFuture<TurnEvent> refused = new CompletableFuture<>();
        try (TurnClient client = client(runtime, server, bad, refused::complete)) {
          assertThat(refused.get(30, TimeUnit.SECONDS)) // a 401 that names the server
              .isEqualTo(new TurnEvent.TokenWanted(NAME));
          assertThat(client.allocated()).isNotDone();
          client.accessToken(good);
          assertThat(client.allocated().get(30, TimeUnit.SECONDS).relayed()).hasSize(1);
        }
      }
    }
  }
}
