package dev.frazil.server;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Failures of the file system in words: its own messages are often but a path. */
final class PlainErrors {
  private PlainErrors() {}

  static String of(Exception e) {
    if (e instanceof AccessDeniedException denied) {
      return "no permission for " + denied.getFile();
    } else if (e instanceof NoSuchFileException missing) {
      return "there is no " + missing.getFile();
    } else if (e instanceof FileAlreadyExistsException other) {
      return other.getFile() + " is something else";
    } else if (e instanceof FileSystemException failure && failure.getReason() != null) {
      return failure.getReason();
    }
    return String.valueOf(e.getMessage());
  }
}
