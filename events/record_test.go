package events

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hotlead/hotlead/scorer"
)

var refused = &scorer.Refusal{Reason: ReasonInvalidTime, Detail: "time is not as RFC 3339 has it"}

func TestDeadLetterIsTheRecordAndItsReason(t *testing.T) {
	for name, r := range map[string]Record{
		"a record":     {Topic: "lead.engagement", Partition: 3, Offset: 99, Time: arrived, Key: []byte("k"), Value: []byte("v"), Headers: headers("a", "1", "a", "2")},
		"a null value": {Topic: "lead.engagement", Partition: 3, Offset: 99, Time: arrived, Headers: []Header{{Key: "null"}}},
	} {
		want := OutRecord{Key: r.Key, Value: r.Value, Headers: append(r.Headers[:len(r.Headers):len(r.Headers)], headers(
			"hotlead_reason", "invalid_time", "hotlead_detail", "time is not as RFC 3339 has it",
			"hotlead_topic", "lead.engagement", "hotlead_partition", "3", "hotlead_offset", "99")...)}
		if diff := cmp.Diff(want, DeadLetter(&r, refused)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// arrive is out as it is fetched again, much later than what it was made of.
func arrive(out OutRecord, topic string, partition int, offset int64) *Record {
	return &Record{Topic: topic, Partition: partition, Offset: offset, Time: arrived + 1e9, Key: out.Key, Value: out.Value, Headers: out.Headers}
}

func TestDeadLetterOfAForwardIsThatOfWhereItArrived(t *testing.T) {
	for name, key := range map[string][]byte{"keyed by lead": []byte("lead"), "keyed otherwise": []byte("company"), "without a key": nil, "with an empty key": {}} {
		t.Run(name, func(t *testing.T) {
			first := &Record{Topic: "lead.qualification", Partition: 3, Offset: 99, Time: arrived, Key: key, Value: []byte("v"), Headers: headers("a", "1")}
			want := DeadLetter(first, refused)
			forwarded := arrive(Forward(first, "lead"), "lead.inbox", 7, 1)
			if diff := cmp.Diff(want, DeadLetter(forwarded, refused)); diff != "" {
				t.Error(diff)
			}
			// Forwarding again does not hide where it arrived.
			again := arrive(Forward(forwarded, "lead"), "lead.inbox", 8, 1)
			if diff := cmp.Diff(want, DeadLetter(again, refused)); diff != "" {
				t.Error(diff)
			}
			// The letter sent in again is a record of its own, and may be forwarded as such.
			sent := arrive(want, "lead.engagement", 0, 5)
			if got := (Origin{"lead.engagement", 0, 5}); OriginOf(sent) != got {
				t.Errorf("origin %+v, want %+v", OriginOf(sent), got)
			}
			sent = arrive(Forward(sent, "lead"), "lead.inbox", 7, 2)
			if got := (Origin{"lead.engagement", 0, 5}); OriginOf(sent) != got {
				t.Errorf("origin %+v, want %+v", OriginOf(sent), got)
			}
			if diff := cmp.Diff(want.Headers, DeadLetter(sent, refused).Headers[:len(want.Headers)]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestForwardDecodesToTheSameEvent(t *testing.T) {
	for name, r := range map[string]*Record{
		"named by subject": structuredRecord(event("time", `"2030-01-01T00:00:00Z"`)),
		"named by key":     structuredRecord(event("subject", "")),
		"binary": {Time: arrived, Key: []byte("k"), Value: []byte(`{"account_id":"acme"}`),
			Headers: headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "s", "ce_type", "t", "traceparent", trace)},
	} {
		want, info := decode(t, r)
		got, again := decode(t, arrive(Forward(r, want.Lead), "lead.inbox", 0, 0))
		if diff := cmp.Diff(want, got); diff != "" || info != again {
			t.Errorf("%s: %+v, %+v, %s", name, info, again, diff)
		}
	}
}

func TestOriginNeedsHeadersThatForwardWrote(t *testing.T) {
	for name, h := range map[string][]Header{
		"none":              nil,
		"too few":           headers("hotlead_partition", "1", "hotlead_offset", "1", "hotlead_timestamp", "1"),
		"too few and a key": headers("hotlead_partition", "1", "hotlead_offset", "1", "hotlead_timestamp", "1", "hotlead_key", "k"),
		"not last":          headers("hotlead_topic", "t", "hotlead_partition", "1", "hotlead_offset", "1", "hotlead_timestamp", "1", "x", "y"),
		"no partition":      headers("hotlead_topic", "t", "hotlead_partition", "-1", "hotlead_offset", "1", "hotlead_timestamp", "1"),
		"no offset":         headers("hotlead_topic", "t", "hotlead_partition", "1", "hotlead_offset", "9223372036854775808", "hotlead_timestamp", "1"),
		"no timestamp":      headers("hotlead_topic", "t", "hotlead_partition", "1", "hotlead_offset", "1"),
		"a bad timestamp":   headers("hotlead_topic", "t", "hotlead_partition", "1", "hotlead_offset", "1", "hotlead_timestamp", "x"),
	} {
		r := &Record{Topic: "here", Partition: 1, Offset: 2, Headers: h}
		if got, want := OriginOf(r), (Origin{"here", 1, 2}); got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
