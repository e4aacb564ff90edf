package peers;

import java.time.Instant;

/** A change of tier as a CloudEvent. */
public final class Change {
  public String specversion = "1.0";
  public String id;
  public String source = "peer";
  public String type = "lead.tier.changed";
  public String subject;
  public Instant time;
  public String datacontenttype = "application/json";
  public Data data = new Data();

  public static final class Data {
    public String lead;
    public String from;
    public String to;
    public double score;
    public int sequence;
    public String cause;
  }

  public Change() {}

  Change(Event e, String from, String to, double score, int sequence) {
    id = e.lead + "/" + sequence;
    subject = e.lead;
    time = Instant.ofEpochMilli(e.time);
    data.lead = e.lead;
    data.from = from;
    data.to = to;
    data.score = score;
    data.sequence = sequence;
    data.cause = e.id;
  }
}
