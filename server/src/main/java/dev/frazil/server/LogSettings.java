package dev.frazil.server;

import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a server's log goes, for the program that has the logger.
 *
 * @param file empty for standard error
 * @param json whether a line is an object
 * @param level empty for what is told unless asked for more or less
 */
public record LogSettings(Optional<Path> file, boolean json, Optional<Level> level) {}
