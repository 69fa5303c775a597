package dev.frazil;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.IceParameters;
import dev.frazil.net.IpAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ClientAuthentication;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** No text that core makes of its types holds a secret. */
class SecretsTest {
  private static final Pattern SECRET =
      Pattern.compile("password|passwd|secret|key|token|credential", Pattern.CASE_INSENSITIVE);
  private static final Set<Class<?>> READABLE =
      Set.of(String.class, byte[].class, char[].class, ByteBuffer.class);

  /** A record's own {@code toString} would print it: the compiler's is final, one that somebody wrote is not. */
  @Test
  void recordsWithASecretWriteTheirTextThemselves() throws ReflectiveOperationException {
    List<String> holders = new ArrayList<>();
    var location = IpAddress.class.getProtectionDomain().getCodeSource().getLocation();
    for (JavaClass each : new ClassFileImporter().importUrl(location)) {
      Class<?> type = Class.forName(each.getName());
      if (type.isRecord() && holdsSecret(type)) {
        holders.add(type.getSimpleName());
        int modifiers = type.getDeclaredMethod("toString").getModifiers();
        assertThat(Modifier.isFinal(modifiers)).as("%s prints all it has", type).isFalse();
      }
    }
    assertThat(holders).contains("IceParameters", "LongTermCredential");
  }

  private static boolean holdsSecret(Class<?> type) {
    for (RecordComponent component : type.getRecordComponents()) {
      if (SECRET.matcher(component.getName()).find() && READABLE.contains(component.getType())) {
        return true;
      }
    }
    return false;
  }

  @Test
  void whatHoldsASecretDoesNotTellIt() {
    String secret = "VOkJxbRl1RmTxUk+WvJxBt";
    LongTermCredential credential = new LongTermCredential("user", secret);
    IceParameters parameters = new IceParameters("ufrag", secret);
    IntegrityKey key = IntegrityKey.shortTerm(secret);
    StunBuilder builder = StunBuilder.request(
            Method.BINDING, new TransactionId(1, 2), ByteBuffer.allocate(200))
        .put(AttributeType.USERNAME, secret)
        .integrity(key);
    List<Object> holders = List.of(
        credential,
        parameters,
        key,
        credential.key("realm", PasswordAlgorithm.SHA_256),
        ClientAuthentication.longTerm(credential),
        new IceEvent.Restarted(0, 1, parameters),
        builder,
        StunMessage.tryParse(builder.finish()));
    assertThat(holders).noneMatch(each -> each.toString().contains(secret));
  }
}
