package dev.frazil;

import java.io.IOException;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/** Finds locks in byte code: synchronized methods and blocks. */
final class Monitors {
  private Monitors() {}

  /** The methods below a folder of classes or in a modular jar that lock, as {@code a/b/Class.method}. */
  static List<String> in(Path location) throws IOException {
    List<String> found = new ArrayList<>();
    if (Files.isDirectory(location)) {
      try (Stream<Path> files = Files.walk(location)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
          scan(Files.readAllBytes(file), found);
        }
      }
      return found;
    }
    try (ModuleReader reader =
            ModuleFinder.of(location).findAll().iterator().next().open();
        Stream<String> names = reader.list()) {
      for (String name : names.filter(n -> n.endsWith(".class")).toList()) {
        try (var in = reader.open(name).orElseThrow()) {
          scan(in.readAllBytes(), found);
        }
      }
    }
    return found;
  }

  private static void scan(byte[] classFile, List<String> found) {
    ClassReader reader = new ClassReader(classFile);
    reader.accept(
        new ClassVisitor(Opcodes.ASM9) {
          @Override
          public MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] exceptions) {
            String method = reader.getClassName() + "." + name;
            if ((access & Opcodes.ACC_SYNCHRONIZED) != 0) {
              found.add(method);
            }
            return new MethodVisitor(Opcodes.ASM9) {
              @Override
              public void visitInsn(int opcode) {
                if (opcode == Opcodes.MONITORENTER) {
                  found.add(method);
                }
              }
            };
          }
        },
        ClassReader.SKIP_DEBUG);
  }
}
