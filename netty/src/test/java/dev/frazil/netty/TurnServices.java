package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.turn.PeerFilter;
import dev.frazil.turn.TurnServerConfiguration;
import io.netty.pkitesting.X509Bundle;
import java.util.List;
import java.util.function.Consumer;

/** What tests of {@link TurnService} share: one user, relays on loopback. */
final class TurnServices {
  static final LongTermCredential USER = new LongTermCredential("user", "pass");

  static final X509Bundle CERTIFICATE = certificate("turn.example.org");

  private TurnServices() {}

  static X509Bundle certificate(String host) {
    try {
      return new Certificates().issue(host);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  static TlsIdentity identity(X509Bundle bundle) {
    return new TlsIdentity(bundle.getCertificatePathList(), bundle.getKeyPair().getPrivate());
  }

  /** A configuration with so many relay ports on an address; of a single one, the port is free now. */
  static Consumer<TurnServerConfiguration.Builder> configuration(
      String ip, int ports, Consumer<TurnServerConfiguration.Builder> settings) throws Exception {
    int first = ports == 1 ? DatagramPortTest.freePorts(1) : 40_000;
    IpAddress relay = IpAddress.parse(ip);
    return builder -> {
      builder
          .realm(
              "example.org",
              (name, realm, algorithm) ->
                  name.equals(USER.username()) ? USER.key(realm, algorithm) : null)
          .passwordAlgorithms(List.of(PasswordAlgorithm.MD5))
          .peerFilter(PeerFilter.builder().loopback(true).build())
          .relay(new TurnServerConfiguration.Relay(relay, relay, first, first + ports - 1));
      settings.accept(builder);
    };
  }

  static TurnServiceSettings.Builder settings(
      String ip, Consumer<TurnServerConfiguration.Builder> settings) throws Exception {
    return TurnServiceSettings.builder(configuration(ip, 2000, settings))
        .identity(identity(CERTIFICATE));
  }

  static TurnServiceSettings.Builder settings(TurnListener.Kind kind) throws Exception {
    return settings("127.0.0.1", builder -> {}).listen(kind, "127.0.0.1", 0);
  }
}
