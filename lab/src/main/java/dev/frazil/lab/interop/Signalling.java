package dev.frazil.lab.interop;

/** How what one peer says reaches the other: signalling paths differ, and may reorder. */
enum Signalling {
  /** Each line at once. */
  PROMPT,
  /** Each line {@value SignallingPath#LATE_MS} ms after it was said: the other side is checked before it knows by whom. */
  LATE,
  /** All lines of a generation together once it has its last candidate, the last one first. */
  REVERSED
}
