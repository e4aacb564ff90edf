package group

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/consumer"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with what members of earlier releases wrote: members of both may be in one group.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	text := hex.Dump(got)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s: got\n%swant\n%s", name, text, want)
	}
}

func TestSubscriptionIsStable(t *testing.T) {
	golden(t, "subscription-v1.hex",
		appendSubscription(nil, []string{"lead.engagement", "lead.inbox"}, claim{generation: 7, lanes: []int{0, 3, 258}}))
}

func TestAssignmentIsStable(t *testing.T) {
	golden(t, "assignment-v1.hex",
		appendAssignment(nil, 4, []string{"lead.engagement", "lead.inbox"}, map[string]int{"lead.engagement": 6}, []int{1, 3}))
}

func TestClaimSurvivesTheWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := claim{member: "m", generation: rapid.Int32Min(0).Draw(t, "generation")}
		c.lanes = ascending(t, 1000)
		topics := rapid.SliceOf(rapid.StringN(1, 20, -1)).Draw(t, "topics")
		if got := claimOf("m", appendSubscription(nil, topics, c)); !reflect.DeepEqual(got, c) {
			t.Fatalf("got %v, want %v", got, c)
		}
	})
}

func TestLanesSurviveTheWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := ascending(t, 999)
		got, err := lanesOf(appendAssignment(nil, 1000, []string{"a", "b"}, map[string]int{"a": 1500}, lanes), 1000)
		if err != nil || !slices.Equal(got, lanes) {
			t.Fatalf("got %v, %v, want %v", got, err, lanes)
		}
	})
}

func ascending(t *rapid.T, most int) []int {
	lanes := rapid.SliceOfNDistinct(rapid.IntRange(0, most), 0, 20, rapid.ID[int]).Draw(t, "lanes")
	slices.Sort(lanes)
	if len(lanes) == 0 {
		return nil
	}
	return lanes
}

// TestStandardToolsReadBoth reads what we write by kafka-go's own types of Kafka's formats.
func TestStandardToolsReadBoth(t *testing.T) {
	var sub consumer.Subscription
	metadata := appendSubscription(nil, []string{"e", "i"}, claim{generation: 7, lanes: []int{1}})
	if err := protocol.Unmarshal(metadata, 0, &sub); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sub.Topics, []string{"e", "i"}) {
		t.Errorf("topics %v", sub.Topics)
	}
	var assignment consumer.Assignment
	raw := appendAssignment(nil, 3, []string{"e", "i", "q"}, map[string]int{"e": 7, "q": 1}, []int{0, 1})
	if err := protocol.Unmarshal(raw, 0, &assignment); err != nil {
		t.Fatal(err)
	}
	want := []consumer.TopicPartition{
		{Topic: "e", Partitions: []int32{0, 1, 3, 4, 6}}, // more partitions than lanes: q mod 3
		{Topic: "i", Partitions: []int32{0, 1}},          // unknown: as many as lanes
		{Topic: "q", Partitions: []int32{0}},             // fewer partitions than lanes
	}
	if !reflect.DeepEqual(assignment.AssignedPartitions, want) {
		t.Errorf("got %v, want %v", assignment.AssignedPartitions, want)
	}
}

// TestGarbageClaimsNothing takes metadata apart byte by byte: whatever is missing or added, the member claims nothing.
func TestGarbageClaimsNothing(t *testing.T) {
	good := appendSubscription(nil, []string{"e"}, claim{generation: 7, lanes: []int{1, 2}})
	for cut := range good {
		if c := claimOf("m", good[:cut]); c.lanes != nil {
			t.Errorf("the first %d bytes claim %v", cut, c.lanes)
		}
	}
	data := len(good) - 17
	for name, edit := range map[string]func([]byte){
		"another version":    func(b []byte) { b[data] = 2 },
		"lanes that descend": func(b []byte) { b[len(b)-1] = 0 },
		"one lane twice":     func(b []byte) { b[len(b)-1] = 1 },
		"a huge count":       func(b []byte) { b[data+5] = 0x7f },
		"bytes left over":    func(b []byte) { b[data+8] = 1 },
		"a huge topic count": func(b []byte) { b[2] = 0xff },
	} {
		bad := slices.Clone(good)
		edit(bad)
		if c := claimOf("m", bad); c.lanes != nil || c.generation != 0 {
			t.Errorf("%s: claims %v", name, c)
		}
	}
}

func TestAnAssignmentNotUnderstoodIsRefused(t *testing.T) {
	good := appendAssignment(nil, 4, []string{"e"}, nil, []int{1, 3})
	for cut := range good {
		if lanes, err := lanesOf(good[:cut], 4); err == nil {
			t.Errorf("the first %d bytes assign %v", cut, lanes)
		}
	}
	if _, err := lanesOf(good, 8); err == nil || !strings.Contains(err.Error(), "4 lanes, this member counts 8") {
		t.Errorf("another number of lanes: %v", err)
	}
	tooHigh := slices.Clone(good)
	tooHigh[len(tooHigh)-1] = 4
	if _, err := lanesOf(tooHigh, 4); err == nil {
		t.Error("a lane that does not exist is taken")
	}
	newer := slices.Clone(good)
	newer[len(newer)-17] = 2
	if _, err := lanesOf(newer, 4); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("another version: %v", err)
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add(appendSubscription(nil, []string{"e"}, claim{generation: 7, lanes: []int{1, 2}}))
	f.Add(appendAssignment(nil, 4, []string{"e"}, nil, []int{1, 3}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c := claimOf("m", data); !slices.IsSorted(c.lanes) {
			t.Errorf("claims %v", c.lanes)
		}
		if lanes, err := lanesOf(data, 4); err == nil && (!slices.IsSorted(lanes) || len(lanes) > 4) {
			t.Errorf("assigns %v", lanes)
		}
	})
}
