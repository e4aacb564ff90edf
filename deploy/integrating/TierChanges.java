// Follows hotlead's tier changes and acts on each once: a program to begin your own with. It needs kafka-clients and
// jackson-databind.
//
//   java -cp 'lib/*' TierChanges.java 127.0.0.1:9092 lead.tier-changes

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

public class TierChanges {
    public static void main(String[] args) throws Exception {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", args[0],
            "group.id", "crm",
            "isolation.level", "read_committed", // else changes that hotlead took back would be seen
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false);
        ObjectMapper json = new ObjectMapper();
        Map<String, Long> done = new HashMap<>(); // the newest sequence acted on, by lead: keep it where you keep what you do
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(args[1]));
            while (true) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    JsonNode change = json.readTree(record.value());
                    JsonNode data = change.get("data");
                    String lead = data.get("lead").asText();
                    long sequence = data.get("sequence").asLong();
                    if (!change.get("type").asText().equals("lead.tier.changed") || sequence <= done.getOrDefault(lead, 0L)) {
                        continue; // a stage, or acted on before this program was started again
                    }
                    System.out.println(lead + " " + sequence + " " + data.get("from").asText() + " -> "
                        + data.get("to").asText() + " " + data.path("route").asText()); // your work
                    done.put(lead, sequence);
                }
                consumer.commitSync();
            }
        }
    }
}
