package dev.frazil.netty;

/**
 * How many datagrams a session dropped around its agent; what the agent itself dropped is in {@link
 * dev.frazil.ice.IceStatistics#dropped}.
 *
 * @param tooLong came in and were longer than {@link IceSessionBuilder#maxDatagramSize}
 * @param unread came in while 256 KiB waited for {@link IceSession#receive}
 * @param unsent were to be sent while the way out was full
 */
public record DroppedDatagrams(long tooLong, long unread, long unsent) {}
