package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
)

// serving is the configuration of a service that runs until the test ends and has been sent this event.
func serving(t *testing.T, event string) (config string) {
	t.Helper()
	kafka, err := servers.StartKafka("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	redis, err := servers.StartRedis("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	config = write(t, "hotlead.yaml", "redis: {addrs: ["+redis.Addr()+"]}\nkafka: {brokers: ['"+kafka.Addr()+"']}\nmodel: b2b-saas\nhttp: {listen: '127.0.0.1:0'}\n")
	if code, _, errOut := hotlead(t, "", "topics", "create", "--partitions", "1", "--config", config); code != exitDone {
		t.Fatal(errOut)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{"run", "--config", config}, strings.NewReader(""), io.Discard, io.Discard)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitDone {
			t.Errorf("the service ends with %d", code)
		}
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.Addr()), kgo.DefaultProduceTopic("lead.engagement"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), kgo.StringRecord(event)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return config
}

func TestALeadShownAsOfItsClockSaysSo(t *testing.T) {
	// Lately, so that time has not moved the lead since.
	clock := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	instant := clock.Format(time.RFC3339)
	before, after := clock.Add(-time.Second).Format(time.RFC3339), clock.Add(time.Second).Format(time.RFC3339)
	event, _, _ := strings.Cut(demo, "\n")
	config := serving(t, strings.Replace(event, "2026-11-20T10:00:00Z", instant, 1))
	show := func(flags ...string) (code int, out, errOut string) {
		return hotlead(t, "", append([]string{"lead", "show", "a", "--config", config}, flags...)...)
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for code, _, errOut := show(); code != exitDone; code, _, errOut = show() {
		select {
		case <-deadline.C:
			t.Fatalf("the lead is not there yet: %s", errOut)
		case <-tick.C:
		}
	}
	note := "hotlead: the lead is shown as of its clock, " + instant + ", and not as of " + before + ": what it was before is not kept\n"
	for at, want := range map[string]string{before: note, instant: "", after: "", "": ""} {
		code, out, errOut := show("--at", at)
		if code != exitDone || errOut != want || !strings.Contains(out, `"as_of"`) {
			t.Errorf("at %q: exit %d\nout: %s\nerr: %s", at, code, out, errOut)
		}
	}
}
