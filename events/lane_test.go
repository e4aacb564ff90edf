package events

import (
	"testing"

	"github.com/segmentio/kafka-go"
	"pgregory.net/rapid"
)

// The vectors of UtilsTest.testMurmur2 in Kafka's Java client.
func TestMurmur2IsJavas(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2(key)); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestLaneIsThePartitionOfJavasProducer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lead := rapid.StringN(1, -1, 40).Draw(t, "lead")
		lanes := rapid.IntRange(1, 200).Draw(t, "lanes")
		partitions := make([]int, lanes)
		for i := range partitions {
			partitions[i] = i
		}
		want := kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: []byte(lead)}, partitions...)
		if got := Lane(lead, lanes); got != want {
			t.Errorf("Lane(%q, %d) = %d, want %d", lead, lanes, got, want)
		}
	})
}
