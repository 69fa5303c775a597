package dev.frazil.testkit;

/**
 * Where a packet can be seen.
 *
 * @param id its number in the capture
 * @param name node and interface
 */
record Place(int id, String name) {}
