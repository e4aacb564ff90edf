package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;

/**
 * The fold on Kafka Streams, exactly once, until it is told to end. Settings are environment variables: BROKERS INPUT
 * OUTPUT GROUP STATE_DIR; STORE=rocksdb|memory; JSON=databind|streaming; COMMIT_MS; CACHE_MB, 0 for no record cache;
 * TUNED=true for larger batches and memtables; THREADS.
 */
public final class OnKafkaStreams {
  private OnKafkaStreams() {}

  private static final class Scorer implements Processor<String, Event, String, Change> {
    private ProcessorContext<String, Change> context;
    private KeyValueStore<String, Lead> leads;

    @Override
    public void init(ProcessorContext<String, Change> context) {
      this.context = context;
      leads = context.getStateStore("leads");
    }

    @Override
    public void process(Record<String, Event> r) {
      Lead lead = leads.get(r.key());
      if (lead == null) lead = new Lead();
      Change change = lead.fold(r.value());
      leads.put(r.key(), lead);
      if (change != null) context.forward(r.withValue(change));
    }
  }

  /** One block cache for all stores, and larger memtables. */
  public static final class Tuning implements RocksDBConfigSetter {
    private static final LRUCache CACHE = new LRUCache(256L << 20);

    @Override
    public void setConfig(String store, Options options, Map<String, Object> configs) {
      ((BlockBasedTableConfig) options.tableFormatConfig()).setBlockCache(CACHE);
      options.setWriteBufferSize(64L << 20);
      options.setMaxWriteBufferNumber(3);
    }

    @Override
    public void close(String store, Options options) {}
  }

  private static String setting(String name) {
    String value = System.getenv(name);
    if (value == null || value.isEmpty()) throw new IllegalArgumentException(name + " is not set");
    return value;
  }

  private static Deserializer<Event> events(Json.Reader reader) {
    return (topic, json) -> {
      try {
        return reader.read(json);
      } catch (IOException x) {
        throw new UncheckedIOException(x);
      }
    };
  }

  private static Serializer<Change> changes() {
    return (topic, change) -> {
      try {
        return Json.write(change);
      } catch (IOException x) {
        throw new UncheckedIOException(x);
      }
    };
  }

  private static Topology topology(boolean cached) {
    Serializer<Lead> write = (topic, lead) -> lead == null ? null : lead.toBytes();
    Deserializer<Lead> read = (topic, bytes) -> bytes == null ? null : Lead.of(bytes);
    StoreBuilder<KeyValueStore<String, Lead>> leads = Stores.keyValueStoreBuilder(
        setting("STORE").equals("memory") ? Stores.inMemoryKeyValueStore("leads") : Stores.persistentKeyValueStore("leads"),
        Serdes.String(), Serdes.serdeFrom(write, read)).withLoggingEnabled(Map.of());
    return new Topology()
        .addSource("in", Serdes.String().deserializer(), events(Json.reader(setting("JSON"))), setting("INPUT"))
        .addProcessor("score", Scorer::new, "in")
        .addStateStore(cached ? leads.withCachingEnabled() : leads.withCachingDisabled(), "score")
        .addSink("out", setting("OUTPUT"), Serdes.String().serializer(), changes(), "score");
  }

  public static void main(String[] args) throws InterruptedException {
    long cache = Long.parseLong(setting("CACHE_MB")) << 20;
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, setting("GROUP"));
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, setting("BROKERS"));
    p.put(StreamsConfig.STATE_DIR_CONFIG, setting("STATE_DIR"));
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, setting("THREADS"));
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, setting("COMMIT_MS"));
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, cache);
    p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    if (setting("TUNED").equals("true")) {
      p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, Tuning.class);
      p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5000);
      p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
      p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 64 << 20);
      p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
      p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
    }
    KafkaStreams streams = new KafkaStreams(topology(cache > 0), p);
    streams.setUncaughtExceptionHandler(failure -> {
      failure.printStackTrace();
      Runtime.getRuntime().halt(1);
      return null;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
    Thread.currentThread().join();
  }
}
