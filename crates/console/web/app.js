// The console's own script. Everything works without it for reading: it adds live updates, charts
// to brush, times in the reader's zone, the other click that excludes, and a table without an end.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Theme: as the system has it, light, dark. theme.js wears what was chosen before.
  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  let theme = localStorage.getItem("theme") || "auto";
  const wear = () => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.title = "Theme: " + (theme === "auto" ? "as the system has it" : theme);
    button.setAttribute("aria-label", button.title);
  };
  if (button) {
    wear();
    button.hidden = false;
    button.addEventListener("click", () => {
      theme = themes[(themes.indexOf(theme) + 1) % themes.length];
      localStorage.setItem("theme", theme);
      wear();
      draw();
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
    const link = event.target.closest("a[data-exclude], td.value > a");
    const exclude = link?.dataset.exclude ?? link?.parentElement.querySelector(".minus")?.href;
    if (exclude && event.altKey) {
      event.preventDefault();
      location.assign(exclude);
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
  let plots = [], lines = null, found = new Map();
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const short = (tick) => tick >= 1e6 ? tick / 1e6 + "M" : tick >= 1e3 ? tick / 1e3 + "k" : tick;
  const format = (options) => { const it = new Intl.DateTimeFormat(undefined, { hour12: false, ...options }); return (at_s) => it.format(new Date(at_s * 1000)); };
  const second = format({ minute: "2-digit", second: "2-digit" }), minute = format({ hour: "2-digit", minute: "2-digit" }), day = format({ month: "short", day: "numeric" });
  const ticks = (_, at, axis, space, step) => at.map((tick) => {
    const date = new Date(tick * 1000), isMidnight = !date.getHours() && !date.getMinutes() && !date.getSeconds();
    return isMidnight || step >= 86400 ? day(tick) : step < 60 ? minute(tick) + ":" + second(tick).slice(-2) : minute(tick);
  });
  const smalls = () => all("figure.chart .small").map((small, place) => {
    const [name, variable] = [["allowed", "--allowed"], ["deferred", "--deferred"], ["blocked", "--rejected"]][place];
    return { small, place, values: lines[name], ghost: lines.week_before[place].length ? lines.week_before[place] : lines.at_s.map(() => null), stroke: colour(variable) };
  });
  const read = () => {
    const figure = document.querySelector("figure.chart");
    if (!figure || !window.uPlot) return null;
    const data = JSON.parse(figure.dataset.lines);
    lines = data.lines;
    found = new Map();
    for (const mark of data.marks) {
      const bin = Math.floor((mark.at_s - lines.at_s[0]) / lines.width_s);
      found.set(bin, (found.get(bin) || new Set()).add(mark.what));
    }
    return figure;
  };
  const brush = (figure, plot) => {
    if (plot.select.width < 6) return;
    const from = plot.posToVal(plot.select.left, "x"), until = plot.posToVal(plot.select.left + plot.select.width, "x");
    location.assign(figure.dataset.page + "?" + new URLSearchParams({ from: Math.floor(from), until: Math.ceil(until), q: figure.dataset.q }));
  };
  // Where something was found: a line through all three, with a foot in the last.
  const marked = (plot, place) => {
    const { ctx, bbox } = plot, [top, foot] = [bbox.top, bbox.top + bbox.height];
    ctx.save();
    ctx.fillStyle = colour("--found");
    for (const bin of found.keys()) {
      const x = Math.round(plot.valToPos(lines.at_s[bin] ?? NaN, "x", true));
      if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
      ctx.globalAlpha = 0.35;
      ctx.fillRect(x, top, 1, bbox.height);
      ctx.globalAlpha = 1;
      if (place < 2) continue;
      ctx.beginPath(); ctx.moveTo(x - 4, foot); ctx.lineTo(x + 5, foot); ctx.lineTo(x + 0.5, foot - 7); ctx.fill();
    }
    ctx.restore();
  };
  const pointed = (plot, { small, place }) => {
    const at = plot.cursor.idx, total = small.querySelector(".label b"), told = small.querySelector(".at");
    const value = at == null ? null : plot.data[1][at];
    total.hidden = value != null;
    const what = place === 2 && at != null && found.get(at) ? " – found: " + [...found.get(at)].join(", ") : "";
    told.textContent = value == null ? "" : Math.round(value).toLocaleString() + " at " + other.format(new Date(lines.at_s[at] * 1000)) + what;
  };
  function draw() {
    plots.forEach((plot) => plot.destroy());
    plots = [];
    const figure = read();
    if (!figure) return;
    for (const one of smalls()) {
      all("svg.line, .plot, .at", one.small).forEach((old) => old.remove());
      const holder = document.createElement("div"), told = document.createElement("span");
      holder.className = "plot";
      told.className = "at";
      one.small.querySelector(".label").append(told);
      one.small.append(holder);
      const axis = { stroke: colour("--dim"), grid: { stroke: colour("--soft"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
      plots.push(new uPlot({
        width: holder.clientWidth, height: one.place === 2 ? 100 : 78, padding: [6, 18, one.place === 2 ? 0 : 8, 0],
        cursor: { sync: { key: "lines", setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { size: 5 } },
        legend: { show: false },
        scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.08)] } },
        axes: [
          { ...axis, show: one.place === 2, size: 22, space: 60, values: ticks },
          { ...axis, size: 46, incrs: [1, 2, 5].flatMap((step) => [...Array(13).keys()].map((power) => step * 10 ** power)).sort((a, b) => a - b), values: (_, at) => at.map(short) },
        ],
        series: [{}, { stroke: one.stroke, width: 1.5, fill: one.stroke + "26", points: { show: false } }, { stroke: colour("--dim"), dash: [3, 4], width: 1, points: { show: false } }],
        hooks: { setSelect: [(plot) => brush(figure, plot)], drawClear: [(plot) => marked(plot, one.place)], setCursor: [(plot) => pointed(plot, one)] },
      }, [lines.at_s, one.values, one.ghost], holder));
    }
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let resized;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => plots.forEach((plot) => plot.setSize({ width: plot.root.parentElement.clientWidth, height: plot.height })), 100);
  });
  // New numbers in the charts that stand there: cursor and brush stay.
  const renew = (fresh) => {
    const [old, now] = [document.querySelector("figure.chart"), fresh.querySelector("figure.chart")];
    if (!old || !now || !plots.length) return false;
    Object.assign(old.dataset, now.dataset);
    read();
    const totals = all(".label b", now);
    for (const { small, place, values, ghost } of smalls()) {
      small.querySelector(".label b").textContent = totals[place].textContent;
      plots[place].setData([lines.at_s, values, ghost]);
    }
    old.querySelector("figcaption").replaceWith(now.querySelector("figcaption"));
    times(old);
    return true;
  };

  // The map: asked for when it comes into view, coloured with what came with the page.
  let world = null;
  const name = (letters) => { try { return new Intl.DisplayNames(undefined, { type: "region" }).of(letters); } catch { return letters; } };
  const coloured = (figure) => {
    const map = document.importNode(world, true);
    map.setAttribute("role", "group");
    map.setAttribute("aria-label", "Countries by events; the list of countries has the numbers");
    for (const [letters, shade, told, include, exclude] of JSON.parse(figure.dataset.countries)) {
      const path = map.querySelector(`[data-country="${CSS.escape(letters)}"]`);
      if (!path) continue;
      const link = document.createElementNS(path.namespaceURI, "a"), title = document.createElementNS(path.namespaceURI, "title");
      title.textContent = `${name(letters)}: ${told}`;
      link.setAttribute("href", include);
      link.setAttribute("tabindex", "-1");
      link.dataset.exclude = exclude;
      path.setAttribute("class", "heat-" + shade);
      path.replaceWith(link);
      link.append(path);
      path.append(title);
    }
    figure.replaceChildren(map);
  };
  const seen = window.IntersectionObserver && new IntersectionObserver(async (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      const answer = world || await fetch(target.dataset.world).catch(() => null);
      if (answer?.ok) world = new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement;
      if (world) coloured(target);
    }
  });
  const maps = (within) => {
    for (const figure of all("figure.world", within)) {
      figure.closest("section").hidden = !seen;
      if (world) coloured(figure); else if (seen) seen.observe(figure);
    }
  };
  maps(document);

  // Live: panels that changed take the place of what was; what a reader is at waits until he leaves.
  const live = document.querySelector(".live[data-live]");
  if (live && window.EventSource) {
    const WAIT_MAX_MS = 30_000;
    const state = live.querySelector(".state"), pause = document.getElementById("pause");
    let source = null, again = 0, wait_ms = 1_000, stamp = live.querySelector("time").dateTime;
    const waiting = new Map();
    const tell = (text, is_stale) => {
      const time = document.createElement("time");
      time.dateTime = stamp;
      state.replaceChildren(text, time);
      times(live);
      live.classList.toggle("stale", is_stale);
    };
    const isBusy = (panel) => panel.contains(document.activeElement) || (panel.matches(":hover") && !!panel.querySelector("a, input, table"));
    const put = (id, html) => {
      const holder = document.createElement("template");
      holder.innerHTML = html;
      const fresh = holder.content.firstElementChild, old = document.getElementById("panel-" + id);
      if (!fresh) return;
      if (id === "lines" && old && renew(fresh)) return;
      if (old && isBusy(old)) { waiting.set(id, html); return; }
      waiting.delete(id);
      const left = old?.querySelector(".scroll")?.scrollLeft;
      if (old) old.replaceWith(fresh); else document.querySelector(".panels").append(fresh);
      for (const { dataset: { key } } of old ? all("details[data-key][open]", old) : []) {
        const unfolded = fresh.querySelector(`details[data-key="${CSS.escape(key)}"]`);
        if (unfolded) unfolded.open = true;
      }
      if (left) fresh.querySelector(".scroll")?.scrollTo(left, 0);
      times(fresh);
      maps(fresh);
      if (id === "lines") draw();
    };
    const left = () => setTimeout(() => [...waiting].forEach(([id, html]) => put(id, html)), 50);
    for (const event of ["mouseout", "focusout"]) document.querySelector(".panels").addEventListener(event, () => waiting.size && left());
    const begin = () => {
      source = new EventSource(live.dataset.live);
      source.addEventListener("panels", (event) => {
        const { now, panels } = JSON.parse(event.data);
        stamp = now;
        wait_ms = 1_000;
        Object.entries(panels).forEach(([id, html]) => put(id, html));
        tell("live, as of ", false);
      });
      source.addEventListener("full", () => { end(); tell("too many look at once: reload to see what is new; stands since ", true); });
      source.addEventListener("error", () => {
        end();
        tell("stale, trying again; stands since ", true);
        again = setTimeout(begin, wait_ms);
        wait_ms = Math.min(WAIT_MAX_MS, wait_ms * 2);
      });
    };
    const end = () => { clearTimeout(again); source?.close(); source = null; again = 0; };
    const isOn = () => source || again;
    pause.hidden = false;
    pause.addEventListener("click", () => {
      if (isOn()) { end(); tell("paused, as of ", false); pause.textContent = "Go on"; } else { wait_ms = 1_000; begin(); pause.textContent = "Pause"; }
    });
    addEventListener("pagehide", end);
    addEventListener("pageshow", (event) => { if (event.persisted && pause.textContent === "Pause") begin(); });
    begin();
  }

  // A table without an end: each answer is a body of its own. Bodies far away are emptied, keep their
  // height, and are asked for again when they come near: millions of rows cost the rows in view.
  const table = document.getElementById("events");
  if (table && window.IntersectionObserver) {
    const NEAR = { rootMargin: "3000px" };
    const asked = async (url) => {
      const answer = await fetch(url).catch(() => null);
      if (!answer?.ok || answer.redirected) return null;
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      times(holder.content);
      return holder.content;
    };
    const near = new IntersectionObserver((entries) => entries.forEach(async ({ isIntersecting, target: body }) => {
      const spacer = body.querySelector("tr.spacer");
      if (!isIntersecting && !spacer && body.rows.length && !body.querySelector("tr.more")) {
        const row = document.createElement("tr"), cell = document.createElement("td");
        row.className = "spacer";
        cell.colSpan = table.tHead.rows[0].cells.length;
        cell.height = Math.round(body.getBoundingClientRect().height);
        row.append(cell);
        body.replaceChildren(row);
      } else if (isIntersecting && spacer && !body.dataset.asked) {
        body.dataset.asked = "yes";
        const rows = await asked(body.dataset.rows);
        delete body.dataset.asked;
        rows?.querySelector("tr.more")?.remove();
        if (rows) body.replaceChildren(rows);
      }
    }), NEAR);
    const end = new IntersectionObserver(async (entries) => {
      const more = entries.find((entry) => entry.isIntersecting)?.target;
      if (!more || more.dataset.asked) return;
      more.dataset.asked = "yes";
      const rows = await asked(more.dataset.next);
      if (!rows) { delete more.dataset.asked; end.unobserve(more); setTimeout(() => end.observe(more), 5_000); return; }
      const body = document.createElement("tbody");
      body.dataset.rows = more.dataset.next;
      body.append(rows);
      end.unobserve(more);
      more.remove();
      table.append(body);
      near.observe(body);
      watch();
    }, { rootMargin: "1200px" });
    const watch = () => { const more = table.querySelector("tr.more[data-next]"); if (more) end.observe(more); };
    watch();
  }
})();
