package wire_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// deleteBefore lets the log of partition 0 begin at an offset, as retention does.
func deleteBefore(t *testing.T, c *kgo.Client, topic string, offset int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, offset, -1)
	deleted, err := kadm.NewClient(c).DeleteRecords(limited(t), offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}
