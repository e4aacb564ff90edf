package testbed

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// SetTransactionVersion brings the Kafka at addr to that level of its feature transaction.version, which is 2 at first: with
// 1, transactions work as they did before Kafka 4.0. It returns once the broker says that it is so, and is for a Kafka of the
// test's own.
func SetTransactionVersion(t testing.TB, addr string, level int16) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DisableClientMetrics())
	if err == nil {
		defer client.Close()
		err = setTransactionVersion(ctx, kadm.NewClient(client), level)
	}
	if err != nil {
		t.Fatalf("testbed: setting transaction.version: %v", err)
	}
}

func setTransactionVersion(ctx context.Context, admin *kadm.Client, level int16) error {
	const feature = "transaction.version"
	update := kadm.FeatureUpdate{Feature: feature, MaxVersionLevel: level, UpgradeType: 1}
	if level < 2 {
		update.UpgradeType = 2 // a downgrade that loses nothing
	}
	updated, err := admin.UpdateFeatures(ctx, false, update)
	if err == nil {
		err = updated.Error()
	}
	if err != nil {
		return err
	}
	for {
		versions, err := admin.ApiVersions(ctx)
		if err != nil {
			return err
		}
		told := true
		versions.Each(func(b kadm.BrokerApiVersions) {
			told = told && b.Err == nil && level == finalized(b.Raw(), feature)
		})
		if told {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("brokers do not say so: %w", ctx.Err())
		}
	}
}

// finalized is the level of a feature that is in force, 0 for none.
func finalized(versions *kmsg.ApiVersionsResponse, feature string) int16 {
	for _, f := range versions.FinalizedFeatures {
		if f.Name == feature {
			return f.MaxVersionLevel
		}
	}
	return 0
}
