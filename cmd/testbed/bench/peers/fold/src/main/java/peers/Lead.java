package peers;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/** A lead: per event type a count that halves every 7 days, kept as of one instant; its tier; the number of its changes. */
public final class Lead {
  static final String[] TYPES = {
    "page.viewed", "email.opened", "email.clicked", "form.submitted", "content.downloaded",
    "webinar.registered", "webinar.attended", "pricing.viewed", "demo.requested", "email.unsubscribed"
  };
  private static final double[] POINTS = {3, 1, 5, 15, 10, 8, 15, 12, 40, -20};
  private static final String[] TIERS = {"cold", "warm", "hot"};
  private static final double HALF_LIFE = 7 * 86_400_000.0;
  private static final Map<String, Integer> TYPE = new HashMap<>();
  private static final int BYTES = 10 * 8 + 8 + 1 + 4;

  static {
    for (int i = 0; i < TYPES.length; i++) TYPE.put(TYPES[i], i);
  }

  public double[] counts = new double[TYPES.length];
  public long asOf = Long.MIN_VALUE;
  public byte tier;
  public int changes;

  static int type(String name) {
    return TYPE.getOrDefault(name, -1);
  }

  /** Folds e; the change of tier that it makes, or null. */
  public Change fold(Event e) {
    if (e.type < 0) return null;
    if (e.time > asOf) {
      double keep = asOf == Long.MIN_VALUE ? 0 : Math.pow(2, (asOf - e.time) / HALF_LIFE);
      for (int i = 0; i < counts.length; i++) counts[i] *= keep;
      asOf = e.time;
    }
    counts[e.type] += 1;
    double sum = 0;
    for (int i = 0; i < counts.length; i++) sum += POINTS[i] * counts[i];
    double score = Math.max(0, Math.min(100, sum));
    byte to = (byte) (score >= 70 ? 2 : score >= 30 ? 1 : 0);
    if (to == tier) return null;
    Change c = new Change(e, TIERS[tier], TIERS[to], score, ++changes);
    tier = to;
    return c;
  }

  public byte[] toBytes() {
    ByteBuffer b = ByteBuffer.allocate(BYTES);
    for (double c : counts) b.putDouble(c);
    return b.putLong(asOf).put(tier).putInt(changes).array();
  }

  public static Lead of(byte[] bytes) {
    ByteBuffer b = ByteBuffer.wrap(bytes);
    Lead l = new Lead();
    for (int i = 0; i < l.counts.length; i++) l.counts[i] = b.getDouble();
    l.asOf = b.getLong();
    l.tier = b.get();
    l.changes = b.getInt();
    return l;
  }
}
