// The console's own script. Everything works without it for reading: it adds live updates, charts
// to brush, times in the reader's zone, the other click that excludes, and a table without an end.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Theme: as the system has it, light, dark.
  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  let theme = localStorage.getItem("theme") || "auto";
  const wear = () => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    if (button) button.setAttribute("aria-label", "Theme: " + (theme === "auto" ? "as the system has it" : theme));
    if (button) button.title = button.getAttribute("aria-label");
  };
  wear();
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      theme = themes[(themes.indexOf(theme) + 1) % themes.length];
      localStorage.setItem("theme", theme);
      wear();
      charts();
    });
  }

  // Times in the reader's zone; the full stamp is the title.
  const today = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  const other = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  const times = (within) => {
    for (const time of all("time[datetime]", within)) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      time.title = time.dateTime;
      const isToday = at.toDateString() === new Date().toDateString();
      time.textContent = (isToday ? today : other).format(at);
    }
  };
  times(document);

  // The other click excludes.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-exclude]");
    if (link && event.altKey) {
      event.preventDefault();
      location.assign(link.dataset.exclude);
    }
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      const words = document.getElementById("q");
      if (words) { event.preventDefault(); words.focus(); words.select(); }
    }
  });

  // Charts: three small ones with one cursor; a brush asks for the time that it covers.
  let plots = [];
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  function charts() {
    plots.forEach((plot) => plot.destroy());
    plots = [];
    const figure = document.querySelector("figure.chart");
    if (!figure || !window.uPlot) return;
    const { lines, marks } = JSON.parse(figure.dataset.lines);
    const before = lines.week_before;
    const rows = [["allowed", lines.allowed, "--allowed"], ["deferred", lines.deferred, "--deferred"], ["blocked", lines.blocked, "--rejected"]];
    const sync = uPlot.sync("lines");
    all(".small", figure).forEach((small, place) => {
      const [name, values, variable] = rows[place];
      all("svg.line, .plot", small).forEach((old) => old.remove());
      const holder = document.createElement("div");
      holder.className = "plot";
      small.append(holder);
      const line = colour(variable);
      const axis = { stroke: colour("--dim"), grid: { stroke: colour("--soft"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
      const ghost = before[place].length ? before[place] : values.map(() => null);
      const plot = new uPlot({
        width: holder.clientWidth, height: place === 2 ? 100 : 78, padding: [6, 8, place === 2 ? 0 : 8, 0],
        cursor: { sync: { key: sync.key, setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { size: 5 } },
        legend: { show: false },
        scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.08)] } },
        axes: [
          { ...axis, show: place === 2, size: 22 },
          { ...axis, size: 46, values: (_, ticks) => ticks.map((tick) => tick >= 1e6 ? tick / 1e6 + "M" : tick >= 1e3 ? tick / 1e3 + "k" : tick) },
        ],
        series: [{}, { label: name, stroke: line, width: 1.5, fill: line + "26", points: { show: false } }, { label: "week before", stroke: colour("--dim"), dash: [3, 4], width: 1, points: { show: false } }],
        hooks: {
          setSelect: [(plot) => {
            if (plot.select.width < 6) return;
            const from = plot.posToVal(plot.select.left, "x"), until = plot.posToVal(plot.select.left + plot.select.width, "x");
            const query = new URLSearchParams({ from: Math.floor(from), until: Math.ceil(until), q: figure.dataset.q });
            location.assign(figure.dataset.page + "?" + query);
          }],
          drawClear: [(plot) => {
            const context = plot.ctx;
            context.save();
            context.fillStyle = colour("--dim");
            for (const mark of place === 2 ? marks : []) {
              const x = plot.valToPos(mark.at_s, "x", true), y = plot.bbox.top + plot.bbox.height;
              if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
              context.beginPath(); context.moveTo(x - 4, y); context.lineTo(x + 4, y); context.lineTo(x, y - 7); context.fill();
            }
            context.restore();
          }],
          setCursor: [(plot) => {
            const at = plot.cursor.idx;
            const value = small.querySelector(".label b");
            if (!value.dataset.sum) value.dataset.sum = value.textContent;
            value.textContent = at == null ? value.dataset.sum : String(Math.round(values[at] || 0)) + " at " + other.format(new Date(lines.at_s[at] * 1000));
          }],
        },
      }, [lines.at_s, values, ghost], holder);
      sync.sub(plot);
      plots.push(plot);
    });
  }
  charts();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", charts);
  let resized;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => plots.forEach((plot) => plot.setSize({ width: plot.root.parentElement.clientWidth, height: plot.height })), 100);
  });

  // Live: panels that changed take the place of what was.
  const live = document.querySelector(".live[data-live]");
  if (live && window.EventSource) {
    const state = live.querySelector(".state"), pause = document.getElementById("pause");
    let source = null;
    const show = (event) => {
      const { now, panels } = JSON.parse(event.data);
      for (const [name, html] of Object.entries(panels)) put(name, html);
      state.innerHTML = "live, as of ";
      const time = document.createElement("time");
      time.dateTime = now;
      state.append(time);
      times(live);
      live.classList.remove("stale");
    };
    const put = (name, html) => {
      const old = document.getElementById("panel-" + name);
      // Who is at it is not disturbed.
      if (old && (old.matches(":hover") || old.contains(document.activeElement)) && name !== "lines") return;
      const holder = document.createElement("template");
      holder.innerHTML = html;
      const fresh = holder.content.firstElementChild;
      if (!fresh) return;
      times(fresh);
      if (old) old.replaceWith(fresh); else document.querySelector(".panels").append(fresh);
      if (name === "lines") charts();
    };
    const begin = () => {
      source = new EventSource(live.dataset.live);
      source.addEventListener("panels", show);
      source.addEventListener("full", () => { state.textContent = "too many look at once: reload to see what is new"; source.close(); });
      source.addEventListener("open", () => live.classList.remove("stale"));
      source.addEventListener("error", () => { live.classList.add("stale"); });
    };
    pause.hidden = false;
    pause.addEventListener("click", () => {
      if (source) { source.close(); source = null; pause.textContent = "Go on"; } else { begin(); pause.textContent = "Pause"; }
    });
    addEventListener("pagehide", () => source && source.close());
    begin();
  }

  // A table without an end: more rows come when the end comes into view; those far above go.
  const body = document.querySelector("#events tbody");
  if (body && window.IntersectionObserver) {
    const ROWS_MAX = 2000;
    const watch = new IntersectionObserver(async (entries) => {
      const end = entries.find((entry) => entry.isIntersecting)?.target;
      if (!end || end.dataset.asked) return;
      end.dataset.asked = "yes";
      const answer = await fetch(end.dataset.next).catch(() => null);
      if (!answer || !answer.ok || answer.redirected) { delete end.dataset.asked; return; }
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      times(holder.content);
      watch.unobserve(end);
      end.replaceWith(holder.content);
      for (let surplus = body.rows.length - ROWS_MAX; surplus > 0; surplus--) {
        const height = body.rows[0].getBoundingClientRect().height;
        body.rows[0].remove();
        scrollBy(0, -height);
      }
      begin();
    }, { rootMargin: "800px" });
    const begin = () => { const end = body.querySelector("tr.more[data-next]"); if (end) watch.observe(end); };
    begin();
  }
})();
