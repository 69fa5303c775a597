package dev.frazil.cli;

/** What the check of one server, at one of its addresses or over one of its transports, came to. */
interface CheckRow {
  boolean isGood();
}
