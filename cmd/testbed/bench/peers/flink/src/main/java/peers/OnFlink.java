package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The fold on Flink in one process, exactly once, until it is told to end. Settings are environment variables: BROKERS
 * INPUT OUTPUT GROUP STATE_DIR; STORE=rocksdb|hashmap; JSON=databind|streaming; COMMIT_MS, between checkpoints; THREADS.
 */
public final class OnFlink {
  private OnFlink() {}

  /** Events of records' values. */
  public static final class Events extends AbstractDeserializationSchema<Event> {
    private final String how;
    private transient Json.Reader reader;

    Events(String how) {
      this.how = how;
    }

    @Override
    public void open(InitializationContext context) {
      reader = Json.reader(how);
    }

    @Override
    public Event deserialize(byte[] json) throws IOException {
      return reader.read(json);
    }
  }

  /** The fold of one lead's events. */
  public static final class Scorer extends KeyedProcessFunction<String, Event, Change> {
    private transient ValueState<Lead> leads;

    @Override
    public void open(OpenContext context) {
      leads = getRuntimeContext().getState(new ValueStateDescriptor<>("lead", Lead.class));
    }

    @Override
    public void processElement(Event e, Context context, Collector<Change> out) throws IOException {
      Lead lead = leads.value();
      if (lead == null) lead = new Lead();
      Change change = lead.fold(e);
      leads.update(lead);
      if (change != null) out.collect(change);
    }
  }

  /** Records of changes. */
  public static final class Changes implements KafkaRecordSerializationSchema<Change> {
    private final String topic;

    Changes(String topic) {
      this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(Change c, KafkaSinkContext context, Long timestamp) {
      try {
        return new ProducerRecord<>(topic, null, timestamp, c.subject.getBytes(StandardCharsets.UTF_8), Json.write(c));
      } catch (IOException x) {
        throw new UncheckedIOException(x);
      }
    }
  }

  private static String setting(String name) {
    String value = System.getenv(name);
    if (value == null || value.isEmpty()) throw new IllegalArgumentException(name + " is not set");
    return value;
  }

  public static void main(String[] args) throws Exception {
    Configuration c = new Configuration();
    c.set(StateBackendOptions.STATE_BACKEND, setting("STORE"));
    c.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + setting("STATE_DIR") + "/checkpoints");
    c.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    c.set(PipelineOptions.OBJECT_REUSE, true);
    c.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(512));
    StreamExecutionEnvironment e = StreamExecutionEnvironment.createLocalEnvironment(Integer.parseInt(setting("THREADS")), c);
    e.enableCheckpointing(Long.parseLong(setting("COMMIT_MS")), CheckpointingMode.EXACTLY_ONCE);
    e.getCheckpointConfig().setMinPauseBetweenCheckpoints(0);
    KafkaSource<Event> in = KafkaSource.<Event>builder().setBootstrapServers(setting("BROKERS")).setTopics(setting("INPUT"))
        .setGroupId(setting("GROUP")).setStartingOffsets(OffsetsInitializer.earliest()).setValueOnlyDeserializer(new Events(setting("JSON"))).build();
    KafkaSink<Change> out = KafkaSink.<Change>builder().setBootstrapServers(setting("BROKERS")).setRecordSerializer(new Changes(setting("OUTPUT")))
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE).setTransactionalIdPrefix(setting("GROUP")).setProperty("transaction.timeout.ms", "60000").build();
    e.fromSource(in, WatermarkStrategy.noWatermarks(), "in").keyBy(event -> event.lead).process(new Scorer()).sinkTo(out);
    e.execute("lead-tiers");
  }
}
