package app

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// anEvent makes its lead hot.
const anEvent = `{"specversion":"1.0","id":"1","source":"web","type":"demo.requested","subject":"ada","data":{}}`

// TestAStopWithAPostInHandAndAStreamOpen is a planned stop in the midst of things: who posts is answered, and Kafka has
// what was answered for; who follows is let go at once.
func TestAStopWithAPostInHandAndAStreamOpen(t *testing.T) {
	s := running(t)
	changes := s.follow(t, "")
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(anEvent))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("asked for the event, the service says %q, %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil { // the end of that answer
		t.Fatal(err)
	}

	begin := time.Now()
	s.stop()
	if rest := changes.next(); rest != "" {
		t.Errorf("at the end came %s", rest)
	}
	if _, err := conn.Write([]byte(anEvent)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the post in hand is not answered: %v", err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Errorf("the post in hand is answered by %s", answer.Status)
	}
	if err := <-s.ended; err != nil || time.Since(begin) > closeTimeout {
		t.Errorf("the stop took %v and ended with %v", time.Since(begin), err)
	}
	again := serviceAs(t, s.config, smallModel(t), slog.New(slog.DiscardHandler))
	again.eventually(t, "/v1/leads/ada", func(status int, text string) bool { return status == 200 && strings.Contains(text, `"tier":"hot"`) })
	again.stop()
	if err := <-again.ended; err != nil {
		t.Error(err)
	}
}

// TestPostsWhileKafkaIsAway: what is posted then is refused with when to come again, and counts once when it is.
func TestPostsWhileKafkaIsAway(t *testing.T) {
	k := testbed.OwnKafka(t)
	if !k.Faults() {
		return
	}
	kafka := DefaultConfig().Kafka
	kafka.Brokers = []string{k.Addr}
	broker, err := OpenBroker(kafka)
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	if _, err := broker.CreateTopics(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	s := serviceOn(t, kafka, testbed.Redis(t).Addr)
	s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	changes := s.follow(t, "")
	for _, fault := range []struct {
		name       string
		away, back func()
	}{
		{"frozen", k.Stop, k.Cont}, {"killed", k.Kill, k.Restart},
	} {
		event := strings.ReplaceAll(anEvent, "ada", fault.name)
		fault.away()
		begin := time.Now()
		status, text := s.post(t, "application/cloudevents+json", event)
		if status != http.StatusServiceUnavailable || time.Since(begin) > 10*time.Second || s.described(t, "Problem", text) != nil {
			t.Errorf("%s: after %v a post is answered by %d, %s", fault.name, time.Since(begin), status, text)
		}
		fault.back()
		deadline := time.Now().Add(time.Minute)
		for status, text = s.post(t, "application/cloudevents+json", event); status != http.StatusAccepted; status, text = s.post(t, "application/cloudevents+json", event) {
			if status != http.StatusServiceUnavailable || time.Now().After(deadline) {
				t.Fatalf("%s: Kafka is back, and a post is answered by %d, %s", fault.name, status, text)
			}
		}
		for _, want := range []string{`"sequence":1,`, `"sequence":2,`} { // a tier and a stage, whatever Kafka took of the first try
			if change := changes.next(); !strings.Contains(change, want) || !strings.Contains(change, `"subject":"`+fault.name+`"`) {
				t.Errorf("%s: its change is %s, want %s", fault.name, change, want)
			}
		}
	}
	s.stop()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}
