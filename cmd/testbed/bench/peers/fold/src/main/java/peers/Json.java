package peers;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.time.Instant;

/** Events read, and changes written, by Jackson. */
public final class Json {
  private static final ObjectMapper MAPPER = new ObjectMapper()
      .registerModule(new JavaTimeModule())
      .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
      .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
  private static final ObjectReader EVENTS = MAPPER.readerFor(CloudEvent.class);
  private static final ObjectWriter CHANGES = MAPPER.writerFor(Change.class);
  private static final JsonFactory FACTORY = new JsonFactory();

  private Json() {}

  /** The whole event, as people who write it down see it. */
  public static final class CloudEvent {
    public String specversion;
    public String id;
    public String source;
    public String type;
    public String subject;
    public Instant time;
    public String datacontenttype;
    public Data data;
  }

  public static final class Data {
    public String url;
    @JsonProperty("account_id") public String account;
    public String campaign;
    @JsonProperty("duration_ms") public long duration;
    public String referrer;
  }

  /** How an event is read. */
  public interface Reader {
    Event read(byte[] json) throws IOException;
  }

  /** "databind": into an object, as users do; "streaming": a pull parser to what the fold needs, the quickest there is. */
  public static Reader reader(String how) {
    return switch (how) {
      case "databind" -> Json::databind;
      case "streaming" -> Json::streaming;
      default -> throw new IllegalArgumentException("JSON=" + how + ": databind or streaming");
    };
  }

  private static Event databind(byte[] json) throws IOException {
    CloudEvent c = EVENTS.readValue(json);
    Event e = new Event();
    e.lead = c.subject;
    e.id = c.id;
    e.type = Lead.type(c.type);
    e.time = c.time.toEpochMilli();
    return e;
  }

  private static Event streaming(byte[] json) throws IOException {
    Event e = new Event();
    try (JsonParser p = FACTORY.createParser(json)) {
      p.nextToken();
      for (String name; (name = p.nextFieldName()) != null; ) {
        p.nextToken();
        switch (name) {
          case "id" -> e.id = p.getText();
          case "subject" -> e.lead = p.getText();
          case "type" -> e.type = Lead.type(p.getText());
          case "time" -> e.time = millis(p);
          default -> p.skipChildren();
        }
      }
    }
    return e;
  }

  /** 2026-01-01T00:00:00.000Z by its columns; what looks otherwise goes the long way. */
  private static long millis(JsonParser p) throws IOException {
    char[] c = p.getTextCharacters();
    int o = p.getTextOffset();
    if (p.getTextLength() != 24 || c[o + 19] != '.' || c[o + 23] != 'Z') return Instant.parse(p.getText()).toEpochMilli();
    int year = number(c, o, 4), month = number(c, o + 5, 2), day = number(c, o + 8, 2);
    int y = month <= 2 ? year - 1 : year; // March begins the year, so that the leap day ends it
    int dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    long days = 365L * y + y / 4 - y / 100 + y / 400 + dayOfYear - 719468;
    long minutes = (days * 24 + number(c, o + 11, 2)) * 60 + number(c, o + 14, 2);
    return (minutes * 60 + number(c, o + 17, 2)) * 1000 + number(c, o + 20, 3);
  }

  private static int number(char[] c, int from, int digits) {
    int n = 0;
    for (int i = from; i < from + digits; i++) n = n * 10 + c[i] - '0';
    return n;
  }

  public static byte[] write(Change c) throws IOException {
    return CHANGES.writeValueAsBytes(c);
  }
}
