package dev.frazil.testkit;

import dev.frazil.net.DeadlineQueue;

/** Something that happens at a point of virtual time. */
abstract class Event extends DeadlineQueue.Entry {
  abstract void fire(long now);
}
