package dev.frazil.lab;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.lab.api.PublicApi;
import dev.frazil.lab.docs.Snippets;
import dev.frazil.lab.ledger.Citations;
import dev.frazil.lab.ledger.Conformance;
import dev.frazil.lab.ledger.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What git keeps beside the sources says the same as they do. */
class RecordsTest {
  private static final List<String> MODULES =
      List.of("core", "testkit", "netty", "server", "cli", "lab");

  @Test
  void everyCitedRequirementExistsAndIsNotLeftOut() throws IOException {
    assertThat(conformance().contradictions()).isEmpty();
  }

  @Test
  void conformancePageIsUpToDate() throws IOException {
    Recorded.check("docs/conformance.md", conformance().page());
  }

  @ParameterizedTest
  @CsvSource({
    "core, dev.frazil.net.TransportAddress",
    "testkit, dev.frazil.testkit.VirtualInternet",
    "netty, dev.frazil.netty.IceSession",
    "server, dev.frazil.server.FrazilServer"
  })
  void publicApiIsUpToDate(String module, Class<?> anchor) throws IOException {
    Recorded.check(module + "/api.txt", PublicApi.of(anchor));
  }

  @ParameterizedTest
  @ValueSource(strings = {"README.md", "ARCHITECTURE.md"})
  void documentsShowCodeThatIsTested(String document) throws IOException {
    String text = Files.readString(Recorded.root().resolve(document));
    Recorded.check(document, Snippets.fill(text, Recorded.root()));
  }

  private static Conformance conformance() throws IOException {
    Path root = Recorded.root();
    Stream<Path> tests = MODULES.stream().map(module -> root.resolve(module).resolve("src/test"));
    return new Conformance(
        Ledger.read(root.resolve("docs/ledger")), Citations.scan(tests.toList()));
  }
}
