package dev.frazil.lab.ledger;

import com.sun.source.tree.AnnotationTree;
import com.sun.source.tree.AssignmentTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.ModifiersTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/**
 * Which tests cite which requirements: JUnit's {@code @Tag("ICE-2310")} on test methods and classes.
 *
 * <p>The sources are parsed, so that neither stale class files nor the order of the build can
 * mislead.
 */
public final class Citations {
  private static final Pattern ID = Pattern.compile("(?:ICE|SIG|STUN|TURN)-\\w+");

  private final Map<String, Set<String>> testsById = new TreeMap<>();

  private Citations() {}

  /** Reads every test source below the given folders; those that do not exist are skipped. */
  public static Citations scan(List<Path> folders) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path folder : folders) {
      if (Files.isDirectory(folder)) {
        try (Stream<Path> found = Files.walk(folder)) {
          found.filter(file -> file.toString().endsWith(".java")).sorted().forEach(files::add);
        }
      }
    }
    Citations citations = new Citations();
    if (!files.isEmpty()) {
      citations.parse(files);
    }
    return citations;
  }

  /** The ids cited, sorted. */
  public Set<String> ids() {
    return Collections.unmodifiableSet(testsById.keySet());
  }

  /** The tests that cite an id, as {@code Class.method}, sorted. */
  public Set<String> tests(String id) {
    return Collections.unmodifiableSet(testsById.getOrDefault(id, Set.of()));
  }

  private void parse(List<Path> files) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null)) {
      JavacTask task = (JavacTask) compiler.getTask(
          null,
          manager,
          null,
          List.of("-proc:none"),
          null,
          manager.getJavaFileObjectsFromPaths(files));
      for (CompilationUnitTree unit : task.parse()) {
        unit.accept(new Reader(), null);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private final class Reader extends TreeScanner<@Nullable Void, @Nullable Void> {
    private final Deque<String> classes = new ArrayDeque<>();

    @Override
    public @Nullable Void visitClass(ClassTree tree, @Nullable Void nothing) {
      classes.addLast(tree.getSimpleName().toString());
      String name = String.join(".", classes);
      for (String id : cited(tree.getModifiers())) {
        add(id, name);
      }
      super.visitClass(tree, null);
      classes.removeLast();
      return null;
    }

    @Override
    public @Nullable Void visitMethod(MethodTree tree, @Nullable Void nothing) {
      for (String id : cited(tree.getModifiers())) {
        add(id, String.join(".", classes) + "." + tree.getName());
      }
      return super.visitMethod(tree, null);
    }

    private void add(String id, String test) {
      testsById.computeIfAbsent(id, key -> new TreeSet<>()).add(test);
    }
  }

  private static List<String> cited(ModifiersTree modifiers) {
    List<String> ids = new ArrayList<>();
    for (AnnotationTree annotation : modifiers.getAnnotations()) {
      String type = annotation.getAnnotationType().toString();
      if (type.equals("Tag")
          || type.equals("Tags")
          || type.startsWith("org.junit.jupiter.api.Tag")) {
        annotation.accept(
            new TreeScanner<@Nullable Void, @Nullable Void>() {
              @Override
              public @Nullable Void visitAssignment(AssignmentTree tree, @Nullable Void nothing) {
                return tree.getExpression().accept(this, null);
              }

              @Override
              public @Nullable Void visitLiteral(LiteralTree tree, @Nullable Void nothing) {
                if (tree.getValue() instanceof String text && ID.matcher(text).matches()) {
                  ids.add(text);
                }
                return null;
              }
            },
            null);
      }
    }
    return ids;
  }
}
