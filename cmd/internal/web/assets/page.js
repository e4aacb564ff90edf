// Keeps a view live: changes of tier come by Server-Sent Events, and each makes the view be asked for again; what changes
// no tier shows at the next look, some seconds later. Instants are told in the browser's time zone.
"use strict";

(() => {
  const view = document.body.dataset.view;
  const link = document.getElementById("link");
  const said = document.getElementById("said");
  // How often is asked again, in ms; a list of many rows is a burden, so less often.
  const many = () => document.querySelectorAll("#leads li").length > 300;
  const lookEvery = () => (many() ? 30000 : 10000);
  const atMostEvery = () => (many() ? 5000 : 1000);
  const waitFor = 15000; // for what was sent to come back

  // ---- Instants ----

  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long", hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const year = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
  const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

  function at(t, now) {
    const far = Math.abs(t - now) / 86400000;
    if (t.toDateString() === now.toDateString()) return "today " + clock.format(t);
    if (far < 6.5) return weekday.format(t);
    return (far < 300 ? day : year).format(t);
  }

  function ago(t, now) {
    const s = Math.max(0, (now - t) / 1000);
    if (s < 10) return "just now";
    if (s < 60) return Math.floor(s) + " s ago";
    if (s < 3600) return Math.floor(s / 60) + " min ago";
    if (s < 86400) return Math.floor(s / 3600) + " h ago";
    if (s < 14 * 86400) return Math.floor(s / 86400) + (s < 2 * 86400 ? " day ago" : " days ago");
    return year.format(t);
  }

  function tell(root) {
    const now = new Date();
    for (const element of root.querySelectorAll("time[data-as]")) {
      const t = new Date(element.dateTime);
      const text = element.dataset.as === "ago" ? ago(t, now) : at(t, now);
      if (element.textContent !== text) element.textContent = text;
      if (!element.title) element.title = whole.format(t);
    }
  }

  // ---- Whether all this is live ----

  const state = { stream: false, read: true, since: null };

  function connected(what, ok) {
    state[what] = ok;
    const live = state.stream && state.read;
    state.since = live ? null : state.since || new Date();
    link.classList.toggle("lost", !live);
    const text = live ? "live" : "not connected since " + clock.format(state.since);
    if (link.textContent !== text) link.textContent = text;
  }

  // A form's button says of what it is, and its view is a part of nothing.
  const isForm = (element) => element.closest("[data-sent]") !== null;

  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (isForm(event.detail.elt) || event.detail.elt.id === "history") return;
    const status = event.detail.xhr.status;
    connected("read", status > 0 && status < 500);
  });

  // ---- Asking again ----

  let asked = 0;
  let planned = 0;

  function refresh() {
    clearTimeout(planned);
    asked = Date.now();
    planned = setTimeout(refresh, lookEvery());
    if (!document.hidden) htmx.trigger(document.getElementById("filters") || document.getElementById("main"), "refresh");
  }

  function refreshSoon() {
    clearTimeout(planned);
    planned = setTimeout(refresh, Math.max(150, asked + atMostEvery() - Date.now()));
  }

  // ---- The stream of changes ----

  let stream = null;
  let again = 0;

  function changed(event) {
    const mine = document.getElementById("main").dataset.lead;
    if (mine !== undefined && JSON.parse(event.data).data.lead !== mine) return;
    refreshSoon();
    const history = document.getElementById("history");
    if (history) htmx.trigger(history, "renew");
  }

  function open() {
    clearTimeout(again);
    stream = new EventSource("/v1/tier-changes");
    stream.addEventListener("open", () => {
      if (!state.stream) refreshSoon();
      connected("stream", true);
    });
    stream.addEventListener("error", () => {
      connected("stream", false);
      if (stream.readyState === EventSource.CLOSED) again = setTimeout(open, 3000);
    });
    for (const type of ["lead.tier.changed", "lead.stage.reached"]) stream.addEventListener(type, changed);
  }

  // A view that nobody sees holds no connection: browsers have few for one server, and people many tabs.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(again);
    if (stream) stream.close();
    stream = null;
    if (document.hidden) return;
    state.stream = false;
    open();
    refresh();
  });

  // ---- The list ----

  const filters = document.getElementById("filters");

  // What is chosen stands in the fragment, which a browser keeps to itself, so that a list can be bookmarked.
  function chosenFromURL() {
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const name of ["tier", "route", "account"]) {
      const value = chosen.get(name) || "";
      const field = filters.elements[name];
      if (field.value !== value) field.value = value;
    }
    return chosen.size > 0;
  }

  function chosenToURL() {
    const chosen = new URLSearchParams();
    for (const name of ["tier", "route", "account"]) {
      if (filters.elements[name].value) chosen.set(name, filters.elements[name].value);
    }
    history.replaceState(null, "", chosen.size > 0 ? "#" + chosen : location.pathname);
  }

  if (filters) {
    filters.addEventListener("change", () => {
      filters.elements.rows.value = 50;
      chosenToURL();
    });
    filters.addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("hashchange", () => {
      chosenFromURL();
      refresh();
    });
    document.addEventListener("click", (event) => {
      const more = event.target.closest("[data-rows]");
      if (!more) return;
      filters.elements.rows.value = more.dataset.rows;
      refresh();
    });
  }

  // Leads that are new in their tier light up once.
  function places() {
    return new Set(Array.from(document.querySelectorAll("#leads li"), (li) => li.closest("section").dataset.tier + "\n" + li.dataset.lead));
  }

  let before = places();
  let same = filters ? new FormData(filters) : null;

  function lightUp() {
    const form = new FormData(filters);
    const alike = ["tier", "route", "account", "rows"].every((name) => same.get(name) === form.get(name));
    if (alike && before.size > 0) {
      for (const li of document.querySelectorAll("#leads li")) {
        if (!before.has(li.closest("section").dataset.tier + "\n" + li.dataset.lead)) li.classList.add("new");
      }
    }
    before = places();
    same = form;
  }

  // ---- Sending what was learned ----

  let waiting = null;

  let quiet = 0;

  function say(text, bad) {
    clearTimeout(quiet);
    said.textContent = text;
    said.classList.toggle("bad", Boolean(bad));
  }

  // The tier that the lead was in when each button was pressed: it may have moved, and the view with it, before the answer to
  // what was sent is here.
  const tiersBefore = new WeakMap();

  function tierNow() {
    const head = document.querySelector("header.lead");
    return head ? head.dataset.tier : "";
  }

  // What was sent is on its way through Kafka; the view is asked for until it shows.
  function wait(button, answer) {
    const place = button.closest("[data-sent]");
    const { at } = JSON.parse(answer);
    waiting = { what: place.dataset.sent, label: place.dataset.said, at, tier: tiersBefore.get(button), until: Date.now() + waitFor };
    say("Sent. It takes effect in a moment …");
    refreshSoon();
  }

  function arrived() {
    if (!waiting) return;
    const place = document.querySelector('[data-sent="' + CSS.escape(waiting.what) + '"]');
    if (place && Number(place.dataset.at) >= waiting.at) {
      const tier = tierNow();
      const chosen = place.querySelector("[aria-pressed=true]");
      const what = waiting.label + (chosen ? ": " + chosen.innerText.replace(/\s+/g, " ") : "");
      say(what + (tier === waiting.tier ? ". The lead stays " : ". The lead is now ") + tier + ".");
      waiting = null;
      quiet = setTimeout(() => say(""), 8000);
    } else if (Date.now() > waiting.until) {
      say("It was sent and will count, but has not taken effect yet: Overview says how far behind the service is.", true);
      waiting = null;
    } else {
      clearTimeout(planned);
      planned = setTimeout(refresh, 300);
    }
  }

  function answered(event) {
    const { elt, xhr } = event.detail;
    if (xhr.status === 202) {
      wait(elt, xhr.responseText);
      return;
    }
    elt.removeAttribute("aria-busy");
    let detail = "the service does not answer.";
    try {
      detail = JSON.parse(xhr.responseText).detail;
    } catch {
      // What is no problem document says nothing to people.
    }
    say("Not sent: " + detail, true);
  }

  // The answer is listened for at the button, not at the body: where the view is drawn anew meanwhile, the button is no part
  // of the document any more, and what happens to it does not rise.
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt } = event.detail;
    if (!isForm(elt)) return;
    elt.setAttribute("aria-busy", "true");
    tiersBefore.set(elt, tierNow());
    elt.addEventListener("htmx:afterRequest", answered, { once: true });
  });

  // ---- Each view, whenever it is drawn ----

  function drawn() {
    tell(document);
    plots.drawAll();
    if (filters) lightUp();
    arrived();
  }

  document.body.addEventListener("htmx:afterSettle", drawn);

  document.getElementById("find").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = document.getElementById("find-id").value.trim();
    if (id === "." || id === "..") say("A lead of this ID can’t be shown here, since no address leads to it: hotlead lead show does.", true);
    else if (id) location.href = "/leads/" + encodeURIComponent(id);
  });

  tell(document);
  plots.drawAll();
  setInterval(() => tell(document), 5000);
  if (view === "leads" && filters && chosenFromURL()) refresh();
  else planned = setTimeout(refresh, lookEvery());
  if (!document.hidden) open();
})();
