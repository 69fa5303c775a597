package dev.frazil;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.frazil.net.IpAddress;
import java.io.IOException;
import java.lang.module.ModuleDescriptor.Requires;
import java.lang.module.ModuleFinder;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Core is pure: no sockets, files, clocks, threads, locks, randomness of its own, no state that two machines share. */
class CoreLawsTest {
  private static final URL LOCATION =
      IpAddress.class.getProtectionDomain().getCodeSource().getLocation();
  private static final JavaClasses CORE = new ClassFileImporter().importUrl(LOCATION);

  /** What only the outside may touch. */
  private static final DescribedPredicate<JavaClass> OUTSIDE = resideInAnyPackage(
          "java.io..",
          "java.net..",
          "java.nio.channels..",
          "java.nio.file..",
          "java.util.concurrent..",
          "java.util.logging..",
          "java.lang.foreign..")
      .or(describe(
          "threads, clocks and sources of randomness",
          type -> Set.of(
                  "java.lang.Process",
                  "java.lang.ProcessBuilder",
                  "java.lang.Runtime",
                  "java.lang.System$Logger",
                  "java.lang.Thread",
                  "java.lang.ThreadGroup",
                  "java.lang.ThreadLocal",
                  "java.lang.invoke.VarHandle",
                  "java.lang.ref.Cleaner",
                  "java.security.SecureRandom",
                  "java.time.Clock",
                  "java.time.Instant",
                  "java.time.LocalDate",
                  "java.time.LocalDateTime",
                  "java.time.ZonedDateTime",
                  "java.util.Calendar",
                  "java.util.Date",
                  "java.util.Random",
                  "java.util.SplittableRandom",
                  "java.util.Timer")
              .contains(type.getName())));

  /** The pace of the whole process is shared between machines on many threads, without a lock. */
  private static final DescribedPredicate<JavaClass> PACER_COUNTER = describe(
      "AtomicLong", type -> type.getName().equals("java.util.concurrent.atomic.AtomicLong"));

  @Test
  void packagesBuildOnEachOtherInOneDirection() {
    layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage("dev.frazil..")
        .layer("net")
        .definedBy("dev.frazil.net..")
        .layer("stun")
        .definedBy("dev.frazil.stun..")
        .layer("turn")
        .definedBy("dev.frazil.turn..")
        .layer("ice")
        .definedBy("dev.frazil.ice..")
        .whereLayer("ice")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("turn")
        .mayOnlyBeAccessedByLayers("ice")
        .whereLayer("stun")
        .mayOnlyBeAccessedByLayers("turn", "ice")
        .ensureAllClassesAreContainedInArchitectureIgnoring(
            describe("the module descriptor", type -> type.getSimpleName().equals("module-info")))
        .check(CORE);
    slices().matching("dev.frazil.(**)").should().beFreeOfCycles().check(CORE);
  }

  @Test
  void moduleRequiresOnlyTheBaseOfJava() {
    Set<Requires> requires = ModuleFinder.of(Path.of(LOCATION.getPath()))
        .findAll()
        .iterator()
        .next()
        .descriptor()
        .requires();
    assertThat(requires)
        .filteredOn(required -> !required.modifiers().contains(Requires.Modifier.STATIC))
        .extracting(Requires::name)
        .containsExactly("java.base");
    assertThat(requires)
        .extracting(Requires::name)
        .containsExactlyInAnyOrder("java.base", "org.jspecify");
  }

  @Test
  void nothingOutsideIsTouched() {
    noClasses()
        .that(describe("are not Pacer", type -> !type.getSimpleName().equals("Pacer")))
        .should()
        .dependOnClassesThat(OUTSIDE)
        .check(CORE);
    noClasses()
        .that()
        .haveSimpleName("Pacer")
        .should()
        .dependOnClassesThat(OUTSIDE.and(DescribedPredicate.not(PACER_COUNTER)))
        .check(CORE);
  }

  @Test
  void nothingAsksForTheTimeForChanceOrForTheEnvironment() {
    Pattern forbidden = Pattern.compile("java\\.lang\\.System\\.(?!arraycopy|identityHashCode).*"
        + "|java\\.lang\\.(Strict)?Math\\.random"
        + "|java\\.lang\\.Object\\.(wait|notify|notifyAll)"
        + "|java\\.lang\\.(Integer|Long|Boolean)\\.get(Integer|Long|Boolean)"
        + "|java\\.util\\.UUID\\.randomUUID"
        + "|java\\.util\\.random\\.RandomGenerator\\.(of|getDefault)"
        + "|java\\.util\\.random\\.RandomGeneratorFactory\\..*");
    noClasses()
        .should()
        .accessTargetWhere(describe(
            "time, chance or environment",
            (JavaAccess<?> access) -> forbidden
                    .matcher(access.getTargetOwner().getName() + "."
                        + access.getTarget().getName())
                    .matches()
                || isShuffleOfItsOwn(access)))
        .check(CORE);
  }

  private static boolean isShuffleOfItsOwn(JavaAccess<?> access) {
    return access.getTarget().getFullName().equals("java.util.Collections.shuffle(java.util.List)");
  }

  @Test
  void nothingLocks() throws IOException {
    assertThat(Monitors.in(Path.of(LOCATION.getPath()))).isEmpty();
  }

  @Test
  void monitorsAreFoundWhereThereAreSome() throws IOException {
    Path here = Path.of(
        CoreLawsTest.class.getProtectionDomain().getCodeSource().getLocation().getPath());
    assertThat(Monitors.in(here))
        .containsExactlyInAnyOrder(
            "dev/frazil/CoreLawsTest$Locks.method", "dev/frazil/CoreLawsTest$Locks.block");
  }

  @SuppressWarnings("unused")
  private static final class Locks {
    synchronized void method() {}

    void block() {
      synchronized (this) {
        hashCode();
      }
    }
  }

  @Test
  void staticStateIsConstant() {
    List<String> mutable = new ArrayList<>();
    for (JavaClass type : CORE) {
      if (!type.getName().endsWith("-info")) {
        for (Field field : type.reflect().getDeclaredFields()) {
          boolean isStatic = Modifier.isStatic(field.getModifiers()) && !field.isSynthetic();
          if (isStatic
              && !(Modifier.isFinal(field.getModifiers()) && Constants.isConstant(field))) {
            mutable.add(field.toString());
          }
        }
      }
    }
    assertThat(mutable).as("static fields whose value can change").isEmpty();
    fields().that().areDeclaredInClassesThat().areEnums().should().beFinal().check(CORE);
  }
}
