// Draws plots from the data in an element's data-plot, in the colours of the page's style.
"use strict";

const plots = (() => {
  const drawn = new WeakMap();
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // color is a custom property as a canvas takes it.
  function color(name) {
    const probe = document.createElement("span");
    probe.style.color = "var(--" + name + ")";
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  }

  const known = ["hot", "warm", "cold", "disqualified"];

  function tierColor(tier, i) {
    return color(known.includes(tier) ? tier : "series-" + (i % 4));
  }

  const font = "12px system-ui, sans-serif";

  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

  function axes() {
    const quiet = color("quiet");
    const line = color("line");
    const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const labels = (u, at) => at.map((s) => new Date(s * 1000)).map((t) => (at.length > 1 && at[1] - at[0] < 86400 ? clock : day).format(t));
    return [{ ...axis, grid: { show: false }, space: 80, size: 30, values: labels }, { ...axis, size: 44, space: 40 }];
  }

  const when = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

  // over draws a part of a plot by its canvas, in pixels of the screen.
  function over(u, draw) {
    const c = u.ctx;
    c.save();
    c.font = Math.round(12 * devicePixelRatio) + "px system-ui, sans-serif";
    draw(c, devicePixelRatio);
    c.restore();
  }

  // ---- The course of a lead ----

  function course(element, data) {
    const table = (points) => [points.map((p) => p[0]), points.map((p) => p[1])];
    const values = [data.changes, data.past, data.ahead].map((points) => table(points.length ? points : [[data.now, null]]));
    const all = values.flatMap((t) => t[1]).concat(data.bounds.map((b) => b.value)).filter((v) => v !== null);
    const top = Math.max(...all, 1) * 1.12;
    const ink = color("text");
    const options = {
      scales: { y: { range: [Math.min(0, ...all), top] } },
      axes: axes(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      series: [
        {},
        { stroke: color("quiet"), width: 1, dash: [2, 4], spanGaps: true, points: { show: true, size: 7, fill: ink, stroke: ink } },
        { stroke: ink, width: 2, spanGaps: true, points: { show: false } },
        { stroke: ink, width: 2, dash: [6, 5], spanGaps: true, points: { show: false } },
      ],
      hooks: { drawClear: [(u) => bounds(u, data)], draw: [(u) => marks(u, data)] },
    };
    return [options, uPlot.join(values)];
  }

  function bounds(u, data) {
    data.bounds.forEach((b, i) => over(u, (c, px) => {
      const y = Math.round(u.valToPos(b.value, "y", true));
      c.strokeStyle = c.fillStyle = tierColor(b.tier, i);
      c.lineWidth = px;
      c.globalAlpha = 0.9;
      c.beginPath();
      c.moveTo(u.bbox.left, y);
      c.lineTo(u.bbox.left + u.bbox.width, y);
      c.stroke();
      c.textAlign = "left";
      c.fillText(b.tier + " ≥ " + b.value, u.bbox.left + 4 * px, y - 5 * px);
    }));
  }

  function marks(u, data) {
    over(u, (c, px) => {
      const x = Math.round(u.valToPos(data.now, "x", true));
      c.strokeStyle = color("quiet");
      c.fillStyle = color("quiet");
      c.lineWidth = px;
      c.beginPath();
      c.moveTo(x, u.bbox.top);
      c.lineTo(x, u.bbox.top + u.bbox.height);
      c.stroke();
      const left = x > u.bbox.left + u.bbox.width - 60 * px;
      c.textAlign = left ? "right" : "left";
      c.fillText("now", x + (left ? -5 : 5) * px, u.bbox.top + u.bbox.height - 6 * px);
      if (!data.next) return;
      const value = data.ahead.reduce((near, p) => (Math.abs(p[0] - data.next.at) < Math.abs(near[0] - data.next.at) ? p : near));
      c.fillStyle = tierColor(data.next.to, 0);
      c.beginPath();
      c.arc(u.valToPos(data.next.at, "x", true), u.valToPos(value[1], "y", true), 5 * px, 0, 2 * Math.PI);
      c.fill();
    });
  }

  // ---- Tiers and changes over the last hours ----

  // counted are the axes of what is counted in whole numbers.
  function counted() {
    const [x, y] = axes();
    return [x, { ...y, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8] }];
  }

  function tiers(element, data) {
    const options = {
      axes: counted(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      scales: { y: { range: (u, low, high) => [0, Math.max(high, 1) * 1.1] } },
      series: [{}].concat(data.series.map((s, i) => ({ label: s.name, stroke: tierColor(s.name, i), width: 2, points: { show: false } }))),
    };
    return [options, [data.at].concat(data.series.map((s) => s.values))];
  }

  function changes(element, data) {
    const shade = color("other");
    const options = {
      axes: counted(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false },
      scales: { y: { range: (u, low, high) => [0, Math.max(high, 1) * 1.1] } },
      series: [{}, { label: "changes", width: 0, stroke: shade, fill: shade, paths: uPlot.paths.bars({ size: [0.7, 40], align: 1 }), points: { show: false } }],
    };
    return [options, [data.at, data.values]];
  }

  const kinds = { course, tiers, changes };

  // readOut tells the values under the cursor in words below the plot.
  function readOut(u, element, data) {
    const out = element.querySelector(".readout");
    const i = u.cursor.idx;
    if (!out) return;
    if (i === null || i === undefined) {
      out.textContent = "";
      return;
    }
    const values = u.series.slice(1).map((s, k) => ({ label: s.label, value: u.data[k + 1][i] })).filter((v) => v.value !== null && v.value !== undefined);
    const text = data.kind === "course"
      ? values.slice(-1).map((v) => data.measure + " " + Math.round(v.value * 10) / 10 + (u.data[0][i] > data.now ? " if nothing happens" : ""))
      : values.map((v) => v.label + " " + v.value);
    out.textContent = when.format(new Date(u.data[0][i] * 1000)) + ": " + text.join(", ");
  }

  // past are the changes of the lead on the page as far back as the plot can show: its history is read apart.
  function past(data) {
    const history = document.querySelector("[data-changes]");
    if (!history || data.kind !== "course") return [];
    const span = Math.max(30 * 86400, 2 * (data.ahead[data.ahead.length - 1][0] - data.now));
    return JSON.parse(history.dataset.changes).filter((p) => p[0] >= data.now - span);
  }

  function draw(element) {
    const data = JSON.parse(element.dataset.plot);
    if (data.kind === "course") data.changes = past(data);
    const text = JSON.stringify(data);
    if (drawn.has(element) && drawn.get(element).text === text && drawn.get(element).dark === dark.matches) return;
    if (drawn.has(element)) drawn.get(element).plot.destroy();
    element.replaceChildren();
    const [options, values] = kinds[data.kind](element, data);
    const size = () => ({ width: Math.max(element.clientWidth, 200), height: data.kind === "course" ? 250 : 180 });
    options.hooks = { ...options.hooks, setCursor: [(u) => readOut(u, element, data)] };
    options.tzDate = (ts) => new Date(ts * 1000);
    const plot = new uPlot({ ...options, ...size() }, values, element);
    const out = document.createElement("p");
    out.className = "readout";
    element.append(out);
    drawn.set(element, { plot, text, dark: dark.matches });
    new ResizeObserver(() => {
      if (plot.width !== size().width) plot.setSize(size());
    }).observe(element);
  }

  const drawAll = () => document.querySelectorAll("[data-plot]").forEach(draw);

  dark.addEventListener("change", drawAll);

  return { drawAll };
})();
