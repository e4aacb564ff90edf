// Asks for the page again every two seconds and exchanges the lists where they changed. Leads that are new in a list
// light up once.
"use strict";

const every = 2000;
const link = document.getElementById("link");
let since = null;

function names(main) {
  return new Set(Array.from(main.querySelectorAll("li"), (li) => li.closest("section").dataset.tier + "\n" + li.dataset.lead));
}

function exchange(text) {
  const next = new DOMParser().parseFromString(text, "text/html").getElementById("leads");
  const main = document.getElementById("leads");
  if (!next) throw new Error("not hotlead's page");
  const plain = main.cloneNode(true);
  plain.querySelectorAll(".new").forEach((li) => li.removeAttribute("class"));
  if (plain.innerHTML === next.innerHTML) return;
  const before = names(main);
  const fresh = document.importNode(next, true);
  if (before.size > 0) {
    fresh.querySelectorAll("li").forEach((li) => {
      if (!before.has(li.closest("section").dataset.tier + "\n" + li.dataset.lead)) li.className = "new";
    });
  }
  main.replaceWith(fresh);
}

async function refresh() {
  try {
    const answer = await fetch("/", { signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error("status " + answer.status);
    exchange(await answer.text());
    since = null;
    link.textContent = "live";
    link.className = "";
  } catch {
    since = since || new Date();
    link.textContent = "not connected since " + since.toLocaleTimeString();
    link.className = "lost";
  }
  setTimeout(refresh, every);
}

setTimeout(refresh, every);
