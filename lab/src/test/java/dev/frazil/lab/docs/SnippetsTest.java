package dev.frazil.lab.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnippetsTest {
  @TempDir
  private Path root;

  @Test
  void blockTakesTheMarkedPartOfItsSourceWithoutItsIndent() throws IOException {
    Files.writeString(root.resolve("A.java"), """
        class A {
            // begin README
            if (a) {
              b("\\$1");
            }
            // end README
        }
        """);
    String document = """
        Text.
        <!-- from A.java -->
        ```java
        old
        ```
        ```java
        untouched
        ```
        """;
    assertThat(Snippets.fill(document, root)).isEqualTo("""
        Text.
        <!-- from A.java -->
        ```java
        if (a) {
          b("\\$1");
        }
        ```
        ```java
        untouched
        ```
        """);
  }

  @Test
  void sourceWithoutMarksIsRefused() throws IOException {
    Files.writeString(root.resolve("A.java"), "class A {}\n");
    assertThatThrownBy(() -> Snippets.fill("<!-- from A.java -->\n```java\n```\n", root))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("A.java");
  }
}
