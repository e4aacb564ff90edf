package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// hostile is a lead whose ID is markup.
const hostile = `<script>alert(1)</script>`

// crowd lets leads be of every kind that the pages show.
func (s *service) crowd() {
	for _, lead := range []string{"mara.lindqvist@northwind-labs", "jonas.okafor@halden-freight", "amira.brandt@kestrel-bank"} {
		_, account, _ := strings.Cut(lead, "@")
		s.send(lead, "page.viewed", map[string]any{"url": "/", "account_id": account})
		s.send(lead, "lead.profiled", map[string]any{"attributes": map[string]any{
			"title": "Head of Operations", "seniority": "director", "industry": "manufacturing", "employees": 480, "country": "DE"}})
		s.send(lead, "pricing.viewed", map[string]any{"url": "/pricing", "account_id": account})
	}
	s.send("mara.lindqvist@northwind-labs", "criterion.rated", map[string]any{"criterion": "need", "rating": 4, "by": "sdr-7"})
	s.send("amira.brandt@kestrel-bank", "content.downloaded", map[string]any{"asset": "benchmark"})
	s.send("amira.brandt@kestrel-bank", "lead.dispositioned", map[string]any{"disposition": "not_interested"})
	for _, lead := range []string{"mara.lindqvist@northwind-labs", "amira.brandt@kestrel-bank", hostile} {
		s.send(lead, "demo.requested", map[string]any{})
	}
	s.send(hostile, "lead.profiled", map[string]any{"account_id": `"><img src=x onerror=alert(1)>`,
		"attributes": map[string]any{"title": "<b>CTO</b>", "employees": 500, "industry": "software"}})
}

// views are all pages.
func views(page string) map[string]string {
	return map[string]string{
		"leads": page + "/", "lead": page + "/leads/mara.lindqvist%40northwind-labs", "model": page + "/model", "overview": page + "/overview",
	}
}

// drawn is true once a page is complete: connected, and its plots and parts there.
const drawn = `document.getElementById("link").textContent === "live" &&
	[...document.querySelectorAll("[data-plot]")].every((p) => p.querySelector("canvas")) && !document.body.innerText.includes("Looking it up")`

// violations asks axe for what breaks the rules of WCAG 2.2, levels A and AA.
const violations = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then((found) =>
	found.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.map((n) => n.target + " " + n.failureSummary).join("; ")))`

func TestEveryPageInEveryLook(t *testing.T) {
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
	first := tab(t, chromium, desktop, s.page+"/")
	first.until("the crowd is there", `document.querySelectorAll("#leads li").length === 4`)
	for name, address := range views(s.page) {
		for _, l := range looks {
			t.Run(name+"/"+l.name, func(t *testing.T) {
				p := tab(t, chromium, l, address)
				p.until("the page is complete", drawn)
				if ask[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
					t.Error("the page is wider than the window")
				}
				// Through the debugger, which the page's Content-Security-Policy does not bind.
				p.do(chromedp.Evaluate[chromedp.Void](string(axe)))
				for _, broken := range ask[[]string](p, violations) {
					t.Error(broken)
				}
				p.shoot(name + "-" + l.name)
			})
		}
	}
}

func TestALeadTurnsHotAndAppearsWithoutReload(t *testing.T) {
	chromium := newBrowser(t)
	if chromium == nil {
		return
	}
	s := start(t, "b2b-saas")
	p := quietTab(t, chromium, desktop)
	p.before(`const later = window.setTimeout; window.setTimeout = (f, ms) => later(f, ms < 10000 ? ms : 1e9)`) // no look by the clock
	p.visit(s.page + "/")
	p.until("the page is live", drawn)
	p.until("it has looked once, as it does when it connects", `performance.getEntriesByType("resource").some((e) => e.initiatorType === "xmlhttprequest")`)
	p.do(chromedp.Evaluate[chromedp.Void](`window.loaded = "once"`))
	for _, kind := range []string{"demo.requested", "pricing.viewed", "pricing.viewed", "webinar.attended"} {
		s.send("mara", kind, map[string]any{"account_id": "northwind"})
	}
	hot := `document.querySelector('[data-tier=hot] li[data-lead="mara"]')`
	p.until("the lead appears among the hot ones", hot)
	p.until("it says what moved it", `/(Took part in a webinar|Looked at the prices|Asked for a demo), just now/.test(`+hot+`.innerText)`)
	p.until("it says when it cools", `/cools to warm\s+\w+/.test(`+hot+`.innerText)`)
	if ask[string](p, `window.loaded`) != "once" {
		t.Error("the page was loaded again")
	}
	// By its account, and by one that nobody has; the address is told nobody.
	p.do(chromedp.SendKeys(chromedp.CSS("input[name=account]"), "NORTH\r"))
	p.until("the lead is found by its account", hot+` && location.hash === "#account=NORTH" && location.search === ""`)
	p.do(chromedp.SendKeys(chromedp.CSS("input[name=account]"), "pole\r"))
	p.until("nobody is found", `document.querySelectorAll("#leads li").length === 0`)
}

// known waits until a lead has been scored.
func (s *service) known(t *testing.T, id string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.page+"/v1/leads/"+id, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("waiting for %s to be scored: %v", id, err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s is not scored: %s", id, answer.Status)
		}
	}
}

func TestARatingOnTheCallSheetMovesTheLead(t *testing.T) {
	chromium := newBrowser(t)
	if chromium == nil {
		return
	}
	s := start(t, "bant")
	for _, criterion := range []string{"need", "interest", "timeframe"} {
		s.send("mara", "criterion.rated", map[string]any{"criterion": criterion, "rating": 5})
	}
	s.known(t, "mara") // or the page would say that nobody is called so, as it should
	p := tab(t, chromium, desktop, s.page+"/leads/mara")
	p.until("three ratings are there", `document.querySelectorAll(".levels [aria-pressed=true]").length === 3`)
	p.until("the page is complete", drawn)
	p.click("#rate-budget-5", `document.querySelector("header.lead").dataset.tier === "hot"`)
	p.until("the page says so", `document.getElementById("said").textContent.includes("The lead is now hot")`)
	p.until("the rating is marked", `document.querySelector("#rate-budget-5").getAttribute("aria-pressed") === "true"`)
	p.until("its history has it", `document.querySelector("#history li")?.innerText.includes("hot")`)
	// By keyboard.
	p.press("#disposition-invalid", `document.getElementById("said").textContent.startsWith("Sent") || document.querySelector("header.lead").dataset.tier === "disqualified"`)
	p.until("the lead is disqualified", `document.querySelector("header.lead").dataset.tier === "disqualified"`)
	if focus := ask[string](p, `document.activeElement.id`); focus != "disposition-invalid" {
		t.Errorf("the focus went to %q", focus)
	}
	p.shoot("rated")
}

func TestAnAnswerThatComesAfterTheViewWasDrawnAnew(t *testing.T) {
	chromium := newBrowser(t)
	if chromium == nil {
		return
	}
	s := start(t, "bant")
	for _, criterion := range []string{"need", "interest", "timeframe"} {
		s.send("mara", "criterion.rated", map[string]any{"criterion": criterion, "rating": 5})
	}
	p := quietTab(t, chromium, desktop)
	p.before(`
		const { open, send } = XMLHttpRequest.prototype;
		XMLHttpRequest.prototype.open = function (method, ...rest) {
			this.held = method === "POST";
			open.call(this, method, ...rest);
		};
		XMLHttpRequest.prototype.send = function (body) {
			const answered = this.onload;
			if (this.held) this.onload = () => { window.answer = () => answered.call(this); };
			send.call(this, body);
		};`)
	p.visit(s.page + "/leads/mara")
	p.until("three ratings are there", `document.querySelectorAll(".levels [aria-pressed=true]").length === 3`)
	p.until("the page is complete", drawn)
	p.click("#rate-budget-5", `document.querySelector("header.lead").dataset.tier === "hot" && window.answer`)
	p.do(chromedp.Evaluate[chromedp.Void](`window.answer()`))
	p.until("the page says so", `document.getElementById("said").textContent.includes("The lead is now hot")`)
}

func TestALeadWhoseIDIsMarkup(t *testing.T) {
	chromium := newBrowser(t)
	if chromium == nil {
		return
	}
	s := start(t, "b2b-saas")
	s.crowd()
	p := tab(t, chromium, desktop, s.page+"/")
	row := fmt.Sprintf(`[...document.querySelectorAll("#leads li")].find((li) => li.dataset.lead === %q)`, hostile)
	p.until("it is on the list", row)
	p.do(chromedp.Evaluate[chromedp.Void](row + `.querySelector("a").click()`))
	p.until("its page is there", fmt.Sprintf(`document.querySelector("h1")?.textContent === %q`, hostile))
	p.until("the page is complete", drawn)
	if n := ask[int](p, `document.querySelectorAll("main script, main img, main dd b b").length`); n != 0 {
		t.Errorf("%d of the lead's words became elements", n)
	}
	p.click("#rate-need-5", `document.querySelector("#rate-need-5").getAttribute("aria-pressed") === "true"`)
	p.do(chromedp.Navigate(s.page + "/overview"))
	p.until("the overview names it", fmt.Sprintf(`document.querySelector("main")?.innerText.includes(%q)`, hostile))
}

func TestThePageSaysWhenItIsNotConnected(t *testing.T) {
	chromium := newBrowser(t)
	if chromium == nil {
		return
	}
	s := start(t, "b2b-saas")
	s.crowd()
	p := quietTab(t, chromium, desktop)
	p.visit(s.page + "/")
	p.until("the page is live", drawn)
	rows := ask[int](p, `document.querySelectorAll("#leads li").length`)
	s.stop()
	p.until("the page says that it is not connected", `document.getElementById("link").textContent.startsWith("not connected since")`)
	if left := ask[int](p, `document.querySelectorAll("#leads li").length`); left != rows {
		t.Errorf("of %d leads %d are left on the page", rows, left)
	}
	again := startAt(t, "b2b-saas", strings.TrimPrefix(s.page, "http://"))
	again.send("late", "demo.requested", map[string]any{})
	p.until("the page is live again, with what came since", drawn+` && document.querySelector('li[data-lead="late"]')`)
}
