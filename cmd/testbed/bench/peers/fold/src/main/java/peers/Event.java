package peers;

/** What the fold needs of an engagement event. Public and mutable as Flink's POJO serializer asks. */
public final class Event {
  public String lead;
  public String id;
  /** Its place in {@link Lead#TYPES}; -1: no rule names it. */
  public int type;
  /** Milliseconds since 1970. */
  public long time;
}
