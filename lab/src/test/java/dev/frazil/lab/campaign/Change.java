package dev.frazil.lab.campaign;

import java.util.concurrent.atomic.AtomicInteger;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * One change to the byte code of one method.
 *
 * @param type the class, such as {@code dev.frazil.ice.Consent$Request}
 * @param method its name, with the descriptor where the name alone could be another's
 * @param edit what is done to it
 */
record Change(String type, String method, Edit edit) {
  /** Does something to a method while it is copied. */
  @FunctionalInterface
  interface Edit {
    /**
     * A visitor that writes the changed method.
     *
     * @param copy takes the method as it is to be
     * @param descriptor the method's
     * @param made counts what was changed
     */
    MethodVisitor of(MethodVisitor copy, String descriptor, AtomicInteger made);
  }

  /** The method does nothing and returns 0, false or null. */
  static Change empty(String type, String method) {
    return returns(type, method, 0);
  }

  /** The method does nothing but return this; for an object that is null. */
  static Change returns(String type, String method, int value) {
    return new Change(type, method, (copy, descriptor, made) -> {
      Type result = Type.getReturnType(descriptor);
      copy.visitCode();
      push(copy, result, value);
      copy.visitInsn(result.getOpcode(Opcodes.IRETURN));
      copy.visitMaxs(0, 0);
      copy.visitEnd();
      made.incrementAndGet();
      return new MethodVisitor(Opcodes.ASM9) {}; // the body of before goes nowhere
    });
  }

  /** In the method, a call with one argument and no result is made twice. */
  static Change twice(String type, String method, String callee) {
    return new Change(
        type, method, (copy, descriptor, made) -> new MethodVisitor(Opcodes.ASM9, copy) {
          @Override
          public void visitMethodInsn(
              int opcode, String owner, String name, String called, boolean isInterface) {
            if (name.equals(callee)) {
              super.visitInsn(Opcodes.DUP2);
              super.visitMethodInsn(opcode, owner, name, called, isInterface);
              made.incrementAndGet();
            }
            super.visitMethodInsn(opcode, owner, name, called, isInterface);
          }
        });
  }

  /** In the method, calls of another do nothing and have the result 0, false or null. */
  static Change without(String type, String method, String callee) {
    return withResult(type, method, callee, 0);
  }

  /** In the method, calls of another do nothing and have this result; where it is an object, null. */
  static Change withResult(String type, String method, String callee, int value) {
    return new Change(
        type, method, (copy, descriptor, made) -> new MethodVisitor(Opcodes.ASM9, copy) {
          @Override
          public void visitMethodInsn(
              int opcode, String owner, String name, String called, boolean isInterface) {
            if (!name.equals(callee)) {
              super.visitMethodInsn(opcode, owner, name, called, isInterface);
              return;
            }
            Type[] arguments = Type.getArgumentTypes(called);
            for (int i = arguments.length - 1; i >= 0; i--) {
              super.visitInsn(arguments[i].getSize() == 2 ? Opcodes.POP2 : Opcodes.POP);
            }
            if (opcode != Opcodes.INVOKESTATIC) {
              super.visitInsn(Opcodes.POP);
            }
            push(mv, Type.getReturnType(called), value);
            made.incrementAndGet();
          }
        });
  }

  /** In the method, the number that calls of another result in is negated. */
  static Change negated(String type, String method, String callee) {
    return new Change(
        type, method, (copy, descriptor, made) -> new MethodVisitor(Opcodes.ASM9, copy) {
          @Override
          public void visitMethodInsn(
              int opcode, String owner, String name, String called, boolean isInterface) {
            super.visitMethodInsn(opcode, owner, name, called, isInterface);
            if (name.equals(callee)) {
              super.visitInsn(Opcodes.INEG);
              made.incrementAndGet();
            }
          }
        });
  }

  /** In the method, a field of an object always has this value, and is left alone when written. */
  static Change withField(String type, String method, String field, int value) {
    return new Change(
        type, method, (copy, descriptor, made) -> new MethodVisitor(Opcodes.ASM9, copy) {
          @Override
          public void visitFieldInsn(int opcode, String owner, String name, String itsType) {
            if (!name.equals(field)) {
              super.visitFieldInsn(opcode, owner, name, itsType);
              return;
            }
            if (opcode == Opcodes.PUTFIELD) {
              super.visitInsn(Type.getType(itsType).getSize() == 2 ? Opcodes.POP2 : Opcodes.POP);
            }
            super.visitInsn(Opcodes.POP);
            if (opcode == Opcodes.GETFIELD) {
              push(mv, Type.getType(itsType), value);
            }
            made.incrementAndGet();
          }
        });
  }

  /** In the method, another constant of an enum stands for one. */
  static Change constant(String type, String method, String from, String to) {
    return new Change(
        type, method, (copy, descriptor, made) -> new MethodVisitor(Opcodes.ASM9, copy) {
          @Override
          public void visitFieldInsn(int opcode, String owner, String name, String itsType) {
            boolean its = opcode == Opcodes.GETSTATIC && name.equals(from);
            super.visitFieldInsn(opcode, owner, its ? to : name, itsType);
            made.addAndGet(its ? 1 : 0);
          }
        });
  }

  /** In the method, another number stands for one. */
  static Change number(String type, String method, long from, long to) {
    return new Change(
        type, method, (copy, descriptor, made) -> new MethodVisitor(Opcodes.ASM9, copy) {
          @Override
          public void visitLdcInsn(Object value) {
            boolean its = value.equals(from);
            super.visitLdcInsn(its ? (Object) to : value);
            made.addAndGet(its ? 1 : 0);
          }
        });
  }

  private static void push(MethodVisitor to, Type type, int value) {
    switch (type.getSort()) {
      case Type.VOID -> {}
      case Type.LONG -> to.visitLdcInsn((long) value);
      case Type.OBJECT, Type.ARRAY -> to.visitInsn(Opcodes.ACONST_NULL);
      default -> to.visitLdcInsn(value);
    }
  }

  /**
   * Makes the change.
   *
   * @throws IllegalStateException when there is no such method in the class, or nothing in it to change
   */
  byte[] applyTo(byte[] classFile) {
    AtomicInteger made = new AtomicInteger();
    ClassWriter writer = new ClassWriter(ClassWriter.COMPUTE_MAXS);
    new ClassReader(classFile)
        .accept(
            new ClassVisitor(Opcodes.ASM9, writer) {
              @Override
              public MethodVisitor visitMethod(
                  int access,
                  String name,
                  String descriptor,
                  String signature,
                  String[] exceptions) {
                MethodVisitor copy =
                    super.visitMethod(access, name, descriptor, signature, exceptions);
                boolean its = method.equals(name) || method.equals(name + descriptor);
                return its ? edit.of(copy, descriptor, made) : copy;
              }
            },
            0);
    if (made.get() == 0) {
      throw new IllegalStateException("nothing to change in " + type + "." + method);
    }
    return writer.toByteArray();
  }
}
