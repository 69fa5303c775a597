package dev.frazil.lab;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.Architectures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What holds in every module. */
class HouseRulesTest {
  private static final int MOST_TYPES_IN_A_PACKAGE = 34;

  /** Packages whose parts would have to be public if they were cut. */
  private static final Map<String, Integer> LARGE_PACKAGES = Map.of("dev.frazil.ice", 40);

  private static final int MOST_LINES_IN_A_FILE = 800;
  private static final int LINES_THAT_NEED_A_REASON = 500;

  private static final JavaClasses FRAZIL = new ClassFileImporter()
      .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
      .importPackages("dev.frazil");

  @Test
  void everyModuleIsSeen() {
    assertThat(
            FRAZIL.stream().map(type -> type.getPackageName().split("\\.")[2]).distinct())
        .contains("net", "stun", "turn", "ice", "testkit", "netty", "server", "cli", "lab");
  }

  @Test
  void modulesDependOnEachOtherInOneDirection() {
    Architectures.layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage("dev.frazil..")
        .layer("core")
        .definedBy("dev.frazil.net..", "dev.frazil.stun..", "dev.frazil.turn..", "dev.frazil.ice..")
        .layer("testkit")
        .definedBy("dev.frazil.testkit..")
        .layer("netty")
        .definedBy("dev.frazil.netty..")
        .optionalLayer("linux") // on a newer JDK only
        .definedBy("dev.frazil.linux..")
        .layer("server")
        .definedBy("dev.frazil.server..")
        .layer("cli")
        .definedBy("dev.frazil.cli..")
        .layer("lab")
        .definedBy("dev.frazil.lab..")
        .whereLayer("lab")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("cli")
        .mayOnlyBeAccessedByLayers("lab")
        .whereLayer("linux")
        .mayNotBeAccessedByAnyLayer() // the service loader finds it
        .whereLayer("server")
        .mayOnlyBeAccessedByLayers("cli", "lab")
        .whereLayer("netty")
        .mayOnlyBeAccessedByLayers("linux", "server", "cli", "lab")
        .whereLayer("testkit")
        .mayOnlyBeAccessedByLayers("cli", "lab")
        .whereLayer("core")
        .mayNotAccessAnyLayer()
        .check(FRAZIL);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("dev.frazil.(**)").should().beFreeOfCycles().check(FRAZIL);
  }

  @Test
  void namesSayWhatAThingIs() {
    noClasses()
        .that(resideInAPackage("dev.frazil.."))
        .should()
        .haveNameMatching(".*[.$]Abstract\\w*|.*(Impl|Manager|Helper|Utils?)")
        .check(FRAZIL);
  }

  @Test
  void packagesStaySmall() {
    Map<String, Long> sizes = FRAZIL.stream()
        .filter(type -> type.isTopLevelClass() && !type.getName().endsWith("-info"))
        .collect(
            Collectors.groupingBy(JavaClass::getPackageName, TreeMap::new, Collectors.counting()));
    assertThat(sizes)
        .allSatisfy((name, size) -> assertThat(size.intValue())
            .as("top-level types in " + name)
            .isLessThanOrEqualTo(LARGE_PACKAGES.getOrDefault(name, MOST_TYPES_IN_A_PACKAGE)));
  }

  @Test
  void filesStayShort() throws IOException {
    Map<String, Long> long500 = new TreeMap<>();
    for (Path file : sources()) {
      try (Stream<String> lines = Files.lines(file)) {
        long count = lines.count();
        if (count > LINES_THAT_NEED_A_REASON) {
          long500.put(Recorded.root().relativize(file).toString(), count);
        }
      }
    }
    if (!long500.isEmpty()) {
      System.out.println("Files over " + LINES_THAT_NEED_A_REASON + " lines: " + long500);
    }
    assertThat(long500)
        .allSatisfy(
            (file, lines) -> assertThat(lines).as(file).isLessThanOrEqualTo(MOST_LINES_IN_A_FILE));
  }

  private static List<Path> sources() throws IOException {
    try (Stream<Path> files = Files.walk(Recorded.root())) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> !file.toString().contains("/target"))
          .toList();
    }
  }
}
