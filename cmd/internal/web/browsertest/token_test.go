package browsertest

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
)

const token = "s3cret"

// startGuarded runs the service until the test ends, for whoever shows the token. Its page is the address as a browser
// keeps it, without the token; what is sent goes by the API.
func startGuarded(t *testing.T, model string) *service {
	t.Helper()
	config := app.DefaultConfig()
	m, err := app.LoadModel(model)
	if err != nil {
		t.Fatal(err)
	}
	var topics []servers.Topic
	for _, spec := range app.TopicSpecs(config.Kafka.Topics, 1) {
		topics = append(topics, servers.Topic{Name: spec.Name, Partitions: 1, Config: spec.Config})
	}
	kafka, err := servers.StartKafka("", topics...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	redis, err := servers.StartRedis("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	config.Kafka.Brokers, config.Redis.Addrs, config.HTTP.Listen = []string{kafka.Addr()}, []string{redis.Addr()}, "127.0.0.1:0"
	config.HTTP.TokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(config.HTTP.TokenFile, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	serving, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: config, Model: m, Log: slog.New(slog.DiscardHandler), Listening: func(a net.Addr) { serving <- a },
		})
	}()
	s := &service{}
	select {
	case a := <-serving:
		s.page = "http://" + a.String()
	case err := <-ended:
		t.Fatalf("the service ended: %v", err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// postEvent sends an event by the API, with the token.
func (s *service) postEvent(t *testing.T, event string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.page+"/v1/events", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/cloudevents+json")
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("the event is answered by %s", answer.Status)
	}
}

func TestThePageOfWhoeverShowsTheToken(t *testing.T) {
	chromium := newBrowser(t)
	if chromium == nil {
		return
	}
	s := startGuarded(t, "b2b-saas")
	p := quietTab(t, chromium, desktop)
	p.before(`const later = window.setTimeout; window.setTimeout = (f, ms) => later(f, ms < 10000 ? ms : 1e9)`) // no look by the clock
	// As who is asked for a name and a password, and answers: the browser shows both from then on, for the stream too.
	p.visit(strings.Replace(s.page, "http://", "http://sdr-7:"+token+"@", 1) + "/")
	p.visit(s.page + "/")
	p.until("the page is live", drawn)
	p.do(chromedp.Evaluate[chromedp.Void](`window.loaded = "once"`))
	s.postEvent(t, `{"specversion":"1.0","id":"1","source":"test","type":"demo.requested","subject":"mara","data":{}}`)
	p.until("the lead appears", `document.querySelector('li[data-lead="mara"]')`)
	if ask[string](p, `window.loaded`) != "once" {
		t.Error("the page was loaded again")
	}
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('li[data-lead="mara"] a').click()`))
	p.until("its page is there", `document.querySelector("header.lead")`)
	p.until("it is complete", drawn)
	p.click("#rate-need-5", `document.querySelector("#rate-need-5").getAttribute("aria-pressed") === "true"`)
	p.until("the page says so", `document.getElementById("said").textContent.includes("The lead")`)
}

func TestACallSheetToBeRead(t *testing.T) {
	chromium := newBrowser(t)
	if chromium == nil {
		return
	}
	axe, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "b2b-saas")
	s.crowd()
	// Asked for by a name that is not this machine's, as from elsewhere.
	elsewhere := strings.Replace(s.page, "127.0.0.1", outside, 1)
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			p := tab(t, chromium, l, elsewhere+"/leads/mara.lindqvist%40northwind-labs")
			p.until("the rating is there", `document.querySelector("#rate-need-4")?.getAttribute("aria-pressed") === "true"`)
			p.until("the page is complete", drawn)
			p.until("it says why nothing can be chosen", `document.getElementById("read-only").innerText.includes("http.token_file")`)
			if n := ask[int](p, `document.querySelectorAll("#main button:enabled").length`); n != 0 {
				t.Errorf("%d buttons can be pressed", n)
			}
			p.do(chromedp.Evaluate[chromedp.Void](string(axe)))
			for _, broken := range ask[[]string](p, violations) {
				t.Error(broken)
			}
			p.shoot("read-only-" + l.name)
		})
	}
}
