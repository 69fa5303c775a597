package dev.frazil.server;

/** A setting is wrong. The message says where it stands, which one it is and the rule that it breaks; never a secret. */
public final class ConfigurationException extends Exception {
  ConfigurationException(String message) {
    super(message);
  }
}
