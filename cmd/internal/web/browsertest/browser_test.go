// Package browsertest tries the page in a real Chromium, on the real pipeline: what hotlead dev runs.
//
// Where no Chromium is installed the tests say so and end; under CI=true that is a failure. SCREENSHOTS names a
// directory that screenshots are written to.
package browsertest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/dev"
	"github.com/hotlead/hotlead/scorer"
)

// patience bounds whatever a test waits for.
const patience = 30 * time.Second

// service is hotlead dev with nobody's traffic but the test's.
type service struct {
	page string // the page's address, without a slash at the end
	send func(lead, kind string, data map[string]any)
	// stop ends it before the test does.
	stop func()
}

// start runs hotlead dev until the test ends, on a free port.
func start(t *testing.T, model string) *service { return startAt(t, model, "127.0.0.1:0") }

// startAt runs hotlead dev at an address.
func startAt(t *testing.T, model, address string) *service {
	t.Helper()
	m, err := app.LoadModel(model)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	senders := make(chan dev.Sender, 1)
	go func() {
		err := dev.Run(ctx, dev.Options{
			Listen: address, Kafka: "127.0.0.1:0", Model: m, Out: in, Log: slog.New(slog.DiscardHandler),
			Traffic: func(ctx context.Context, _ *scorer.Model, send dev.Sender) error {
				senders <- send
				<-ctx.Done()
				return nil
			},
		})
		in.Close()
		ended <- err
	}()
	s := &service{stop: sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})}
	t.Cleanup(s.stop)
	lines := bufio.NewScanner(out)
	for s.page == "" && lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), "  page "); found {
			s.page = strings.TrimSpace(rest)
		}
	}
	if s.page == "" {
		t.Fatalf("hotlead dev ended: %v", <-ended)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // Ends with the pipe.
	send := <-senders
	s.send = func(lead, kind string, data map[string]any) {
		t.Helper()
		if err := send(ctx, dev.Act{Lead: lead, Source: "test", Type: kind, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// outside is a name by which a browser gets here that is not this machine's own.
const outside = "leads.example"

// browser is a Chromium.
type browser struct{ context context.Context }

// newBrowser starts a Chromium that lives as long as the test; nil where none is installed.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium is installed, and CI=true")
		}
		t.Log("no Chromium is installed, so nothing was tried: install chromium to run this test")
		return nil
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Env("TZ=Europe/Berlin"), chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("host-resolver-rules", "MAP "+outside+" 127.0.0.1"))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return &browser{ctx}
}

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	scheme        string
}

var (
	desktop = look{"desktop-light", 1280, 860, "light"}
	looks   = []look{
		desktop, {"desktop-dark", 1280, 860, "dark"}, {"phone-light", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"},
	}
)

// tab opens a page in a tab of its own, which closes with the test. What the browser complains of fails the test: an error
// in a script, something that can't be loaded, or that the Content-Security-Policy kept from happening.
func tab(t *testing.T, chromium *browser, l look, address string) *page {
	t.Helper()
	p := quietTab(t, chromium, l)
	complaints := make(chan string, 100)
	err := chromedp.Listen(p.tab, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complaints <- e.ExceptionDetails.Text
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				complaints <- e.Entry.Text + " " + e.Entry.URL
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for {
			select {
			case text := <-complaints:
				t.Errorf("%s: the browser complains: %s", address, text)
			default:
				return
			}
		}
	})
	p.visit(address)
	return p
}

// page is a tab of the browser.
type page struct {
	t   *testing.T
	tab context.Context
}

// quietTab is an empty tab in which the browser may complain, as it does when the service goes.
func quietTab(t *testing.T, chromium *browser, l look) *page {
	t.Helper()
	ctx, end := chromedp.NewContext(chromium.context)
	t.Cleanup(end)
	p := &page{t, ctx}
	scheme := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, scheme); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.EmulateViewport(l.width, l.height, chromedp.EmulateScale(1)))
	return p
}

// before runs a script before those of every page that is visited from now on.
func (p *page) before(script string) {
	p.t.Helper()
	params := cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script}
	if _, err := chromedp.Call(p.tab, cdppage.AddScriptToEvaluateOnNewDocument, params); err != nil {
		p.t.Fatal(err)
	}
}

// visit goes to an address and waits for the page.
func (p *page) visit(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("#main")))
}

// do does the actions, all within the test's patience.
func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := p.try(actions...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) try(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(p.tab, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// ask is the value of an expression on the page.
func ask[T any](p *page, expression string) T {
	p.t.Helper()
	value, err := try[T](p, expression)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func try[T any](p *page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.tab, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// holds is whether an expression is true. On a page that the browser is just leaving, nothing is.
func (p *page) holds(expression string) bool {
	p.t.Helper()
	value, err := try[bool](p, "Boolean("+expression+")")
	if gone(err) {
		return false
	}
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// gone is whether an error says that a page, or a part of it, is there no more.
func gone(err error) bool {
	said := new(cdproto.Error)
	return errors.As(err, &said) && said.Code == -32000
}

// until waits until an expression is true on the page.
func (p *page) until(what, expression string) {
	p.t.Helper()
	deadline, every := time.After(patience), time.NewTicker(50*time.Millisecond)
	defer every.Stop()
	for !p.holds(expression) {
		select {
		case <-deadline:
			p.t.Fatalf("it never came that %s; the page says\n%s", what, ask[string](p, "document.body.innerText"))
		case <-every.C:
		}
	}
}

// press presses Enter on an element.
func (p *page) press(selector, took string) {
	p.t.Helper()
	p.untilTook("Enter on "+selector, took, chromedp.Focus(chromedp.CSS(selector)), chromedp.KeyEvent("\r"))
}

// click clicks on an element.
func (p *page) click(selector, took string) {
	p.t.Helper()
	p.untilTook("a click on "+selector, took, chromedp.Click(chromedp.CSS(selector)))
}

// untilTook does the actions, and again where they did not take: what is drawn anew between a key's or a button's going
// down and its coming up, or between the search for an element and its use, is not pressed.
func (p *page) untilTook(what, took string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	deadline, every := time.After(patience), time.NewTicker(50*time.Millisecond)
	defer every.Stop()
	for tick := 0; !p.holds(took); tick++ {
		if tick%60 == 0 { // three seconds
			if err := p.try(actions...); err != nil && !gone(err) {
				p.t.Fatal(err)
			}
		}
		select {
		case <-deadline:
			p.t.Fatalf("%s did not take; the page says\n%s", what, ask[string](p, "document.body.innerText"))
		case <-every.C:
		}
	}
}

// shoot writes a screenshot of the whole page where SCREENSHOTS says so.
func (p *page) shoot(name string) {
	p.t.Helper()
	directory := os.Getenv("SCREENSHOTS")
	if directory == "" {
		return
	}
	png, err := chromedp.Run(p.tab, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
