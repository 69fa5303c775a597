package dev.frazil.cli.serve;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.core.LayoutBase;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** An object for each line; what is written as {@code key=value} becomes members of it. */
final class JsonLayout extends LayoutBase<ILoggingEvent> {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final Pattern MEMBER =
      Pattern.compile("\\G([a-z][a-z-]*)=(?:\"([^\"]*)\"|(\\S*))(?: |$)");
  private static final Pattern NUMBER = Pattern.compile("-?\\d{1,15}");

  @Override
  public String doLayout(ILoggingEvent event) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("time", Instant.ofEpochMilli(event.getTimeStamp()).toString());
    line.put("level", event.getLevel().toString().toLowerCase(Locale.ROOT));
    String logger = event.getLoggerName();
    line.put("logger", logger.substring(logger.lastIndexOf('.') + 1));
    String message = event.getFormattedMessage();
    Map<String, Object> members = members(message);
    if (members == null) {
      line.put("message", message);
    } else {
      line.putAll(members);
    }
    IThrowableProxy error = event.getThrowableProxy();
    if (error != null) {
      line.put("error", error.getClassName() + ": " + error.getMessage());
    }
    return MAPPER.writeValueAsString(line) + System.lineSeparator();
  }

  /** Null when the whole message is not of that kind. */
  static @Nullable Map<String, Object> members(String message) {
    Map<String, Object> members = new LinkedHashMap<>();
    Matcher matcher = MEMBER.matcher(message);
    int end = 0;
    while (matcher.find()) {
      String quoted = matcher.group(2);
      String bare = matcher.group(3);
      boolean number = quoted == null && NUMBER.matcher(bare).matches();
      members.put(
          matcher.group(1), quoted != null ? quoted : number ? (Object) Long.valueOf(bare) : bare);
      end = matcher.end();
    }
    return end == message.length() && !members.isEmpty() ? members : null;
  }
}
