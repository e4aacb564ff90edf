package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hotlead/hotlead/consumer/internal/wire"
)

// layout is how the topics are cut: the lane count is the partition count of the inbox, fixed when that is created.
type layout struct {
	lanes      int
	partitions map[string]int
}

// errLayout: the topics are not as they must be, which waiting does not mend.
var errLayout = errors.New("the topics won't do")

// readLayout asks Kafka for the topics, and says what is missing or can't work.
func readLayout(ctx context.Context, cluster *wire.Cluster, topics Topics) (layout, error) {
	names := append(topics.inputs(), topics.TierChanges, topics.DeadLetters)
	partitions, err := cluster.Partitions(ctx, names...)
	if err != nil {
		return layout{}, fmt.Errorf("asking Kafka for the topics: %w", err)
	}
	var missing []string
	for _, name := range names {
		if partitions[name] == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return layout{}, fmt.Errorf("%w: missing are %s; run `hotlead topics create`", errLayout, strings.Join(missing, ", "))
	}
	at := layout{lanes: partitions[topics.Inbox], partitions: partitions}
	if changes := partitions[topics.TierChanges]; changes != at.lanes {
		return layout{}, fmt.Errorf("%w: %s has %d partitions and %s has %d; they must have the same: the inbox's count is the number of lanes and never changes, so make %s anew with %d",
			errLayout, topics.TierChanges, changes, topics.Inbox, at.lanes, topics.TierChanges, at.lanes)
	}
	return at, nil
}

// inputs are the partitions that lane p reads. A topic with more partitions than there are lanes gives a lane several.
func (at layout) inputs(topics Topics, p int) []wire.Partition {
	var parts []wire.Partition
	for _, topic := range topics.inputs() {
		for q := p; q < at.partitions[topic]; q += at.lanes {
			parts = append(parts, wire.Partition{Topic: topic, Partition: q})
		}
	}
	return parts
}
