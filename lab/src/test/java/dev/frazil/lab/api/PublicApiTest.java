package dev.frazil.lab.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublicApiTest {
  @TempDir
  private Path folder;

  @Test
  void exportedTypesAndTheirVisibleMembersAreWrittenAndForeignTypesKeepTheirPackage()
      throws Exception {
    write("module-info", "module m { exports shown; }");
    write("hidden/Hidden", "package hidden; public class Hidden {}");
    write("shown/Secret", "package shown; class Secret {}");
    write("shown/Shape", """
        package shown;
        public sealed interface Shape extends Comparable<Shape> permits Shape.Dot {
          int SIDES = 4;
          double area();
          default <T extends Number> T[] zoom(T... by) throws java.io.IOException { return by; }
          record Dot(int x, String name) implements Shape {
            public Dot(int x) { this(x, ""); }
            public double area() { return 0; }
            public int compareTo(Shape other) { return 0; }
          }
        }
        """);
    write("shown/Base", """
        package shown;
        public abstract class Base<E> {
          public static final String WORD = "w";
          protected int count;
          int own;
          protected Base() {}
          @Deprecated public final java.util.List<? extends E> list() { return null; }
          protected abstract void act();
          void hidden() {}
          public String toString() { return ""; }
          public enum Colour { RED, BLUE; public boolean warm() { return true; } }
        }
        """);
    assertThat(PublicApi.of(compiled("shown.Base"))).isEqualTo("""
        module m

        package shown

        public abstract class Base<E>
          public static final String WORD = "w"
          protected int count
          protected Base()
          protected abstract void act()
          @Deprecated public final List<? extends E> list()
          public enum Colour
            RED, BLUE
            public boolean warm()

        public sealed interface Shape extends Comparable<shown.Shape> permits shown.Shape.Dot
          int SIDES = 4
          double area()
          default <T extends Number> T[] zoom(T... by) throws IOException
          public record Dot(int x, String name) implements shown.Shape
            public Dot(int x)
            public double area()
            public int compareTo(shown.Shape other)
        """);
  }

  private void write(String type, String source) throws IOException {
    Path file = folder.resolve("src/" + type + ".java");
    Files.createDirectories(file.getParent());
    Files.writeString(file, source);
  }

  private Class<?> compiled(String name) throws Exception {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    Path classes = folder.resolve("classes");
    StringWriter complaints = new StringWriter();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null);
        var sources = Files.walk(folder.resolve("src"))) {
      List<Path> paths =
          sources.filter(path -> path.toString().endsWith(".java")).toList();
      List<String> options = List.of("-parameters", "-d", classes.toString());
      boolean compiled = compiler
          .getTask(complaints, files, null, options, null, files.getJavaFileObjectsFromPaths(paths))
          .call();
      assertThat(compiled).as(complaints.toString()).isTrue();
    }
    var loader = new URLClassLoader(new URL[] {classes.toUri().toURL()});
    return Class.forName(name, false, loader);
  }
}
