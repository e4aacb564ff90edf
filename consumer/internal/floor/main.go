// Command floor fetches and decodes a topic to its end, as the lanes do, and does nothing else: what is left of a lane
// when all that makes it right is taken out. Speed is measured against it.
//
//	floor BROKER TOPIC PARTITIONS PASSES
//
// It prints one JSON object: the events decoded, and the seconds that took from the first fetch to the last event.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// fetchBytes is how much a lane fetches at most.
const fetchBytes = 4 << 20

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%d arguments instead of BROKER TOPIC PARTITIONS PASSES", len(args))
	}
	partitions, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("reading how many partitions there are: %w", err)
	}
	passes, err := strconv.Atoi(args[3])
	if err != nil {
		return fmt.Errorf("reading how often the topic is to be read: %w", err)
	}
	cluster := wire.Dial(wire.Options{Brokers: args[:1], ClientID: "floor"})
	defer cluster.Close()
	all := make([]wire.Partition, partitions)
	for p := range all {
		all[p] = wire.Partition{Topic: args[1], Partition: p}
	}
	bounds, err := cluster.Bounds(ctx, all)
	if err != nil {
		return fmt.Errorf("asking where %s ends: %w", args[1], err)
	}
	decoded := make([]int, partitions)
	begun := time.Now()
	var lanes errgroup.Group
	for p, part := range all {
		lanes.Go(func() error {
			for range passes {
				n, err := decode(ctx, cluster, part, bounds[part].Stable)
				if err != nil {
					return fmt.Errorf("reading partition %d of %s: %w", p, part.Topic, err)
				}
				decoded[p] += n
			}
			return nil
		})
	}
	if err := lanes.Wait(); err != nil {
		return err
	}
	seconds, total := time.Since(begun).Seconds(), 0
	for _, n := range decoded {
		total += n
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"events": total, "seconds": seconds})
}

// decode reads a partition from its start to its end, and says how many events it held.
func decode(ctx context.Context, cluster *wire.Cluster, part wire.Partition, end int64) (n int, err error) {
	fetcher, decoder := cluster.Fetcher(fetchBytes), events.NewDecoder(events.DefaultLimits())
	defer fetcher.Close()
	var event scorer.Event
	for next := int64(0); next < end; {
		fetched, err := fetcher.Fetch(ctx, []wire.Position{{Partition: part, Offset: next}}, time.Second)
		if err != nil {
			return n, err
		}
		for i := range fetched {
			if fetched[i].Err != nil {
				return n, fetched[i].Err
			}
			for j := range fetched[i].Records {
				if _, err := decoder.Decode(&fetched[i].Records[j], &event); err != nil {
					return n, err
				}
			}
			n += len(fetched[i].Records)
			next = fetched[i].Next
		}
	}
	return n, nil
}
