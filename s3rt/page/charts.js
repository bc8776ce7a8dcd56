/* Small charts: what completed and failed over time, and how long arrivals took. Positions are
 * percentages, so a chart is as wide as there is room, and its text is text. */

import { byId, h, note, replace, s } from "./dom.js";
import { counted, number, route, shortMoment, span } from "./format.js";

const MOST_BARS = 100;
const HEIGHT = 64;
const SMALLEST_BAR = 2;

/** `timelines`: one for each route, {source, destination, points: [{at, completed, failed}]}. */
export function activity(timelines) {
  const container = byId("activity");
  const shown = timelines.filter((one) => one.points.length);
  if (!shown.length) {
    replace(container, note("Nothing is known of this time."));
    return;
  }
  replace(container, shown.map(figure));
}

function figure({ source, destination, points }) {
  const bars = gathered(points);
  const completed = total(bars, "completed");
  const failed = total(bars, "failed");
  const words = `${counted(completed, "completion")}, ${counted(failed, "failure")}`;
  const label = `${source} to ${destination}: ${words} from ${shortMoment(bars[0].at)} on`;
  return h(
    "figure",
    {},
    h(
      "figcaption",
      {},
      route(source, destination),
      h("span", { class: "totals" },
        h("span", { class: "completed", text: `${number(completed)} completed` }), ", ",
        h("span", { class: failed ? "failed" : null, text: `${number(failed)} failed` })),
    ),
    columns(bars, label),
    h("p", { class: "axis" }, h("span", { text: shortMoment(bars[0].at) }), h("span", { text: peak(bars) }), h("span", { text: "now" })),
  );
}

/** At most MOST_BARS bars, of as many points each as it takes. */
function gathered(points) {
  const each = Math.ceil(points.length / MOST_BARS);
  const bars = [];
  for (let start = 0; start < points.length; start += each) {
    const some = points.slice(start, start + each);
    const known = some.some((one) => one.completed !== null);
    bars.push({ at: some[0].at, known, completed: total(some, "completed"), failed: total(some, "failed") });
  }
  return bars;
}

const total = (many, name) => many.reduce((sum, one) => sum + (one[name] ?? 0), 0);

function peak(bars) {
  const most = Math.max(...bars.map((one) => one.completed));
  const minutes = bars.length > 1 ? Math.round((new Date(bars[1].at) - new Date(bars[0].at)) / 6e4) : 1;
  return most ? `at most ${number(most)} in ${span(minutes * 60)}` : "";
}

/** Completions upwards and failures downwards, on one scale. */
function columns(bars, label) {
  const up = Math.max(...bars.map((one) => one.completed));
  const down = Math.max(...bars.map((one) => one.failed));
  const scale = (HEIGHT - 2 * SMALLEST_BAR) / Math.max(up + down, 1);
  const length = (count) => (count ? Math.max(SMALLEST_BAR, count * scale) : 0);
  const base = down ? HEIGHT - Math.max(SMALLEST_BAR, down * scale) - 1 : HEIGHT - 1;
  const width = 100 / bars.length;
  const bar = (index, y, height, kind) =>
    height
      ? s("rect", { class: kind, x: `${index * width + width * 0.1}%`, width: `${width * 0.8}%`, y, height })
      : null;
  return s(
    "svg",
    { class: "columns", role: "img", "aria-label": label, height: HEIGHT },
    s("line", { class: "base", x1: 0, x2: "100%", y1: base + 0.5, y2: base + 0.5 }),
    bars.map((one, index) => {
      const counts = `${number(one.completed)} completed, ${number(one.failed)} failed`;
      const words = `${shortMoment(one.at)}: ${one.known ? counts : "not tracked yet"}`;
      return s(
        "g",
        {},
        s("title", { text: words }),
        s("rect", { class: one.known ? "hover" : "hover untracked", x: `${index * width}%`, width: `${width}%`, y: 0, height: HEIGHT }),
        bar(index, base - length(one.completed), length(one.completed), "completed"),
        bar(index, base + 1, length(one.failed), "failed"),
      );
    }),
  );
}

const FROM = Math.log10(0.1);
const TO = Math.log10(86400);
const TICKS = [
  [0.1, "0.1 s"],
  [1, "1 s"],
  [10, "10 s"],
  [60, "1 min"],
  [900, "15 min"],
  [7200, "2 h"],
  [86400, "1 d"],
];
const place = (seconds) => (100 * (Math.log10(Math.min(Math.max(seconds, 0.1), 86400)) - FROM)) / (TO - FROM);

/** From half to 99 % of the objects, on a logarithmic scale. */
export function latency(routes) {
  const container = byId("latency");
  const shown = routes.filter((one) => one.hour.p50 !== null || one.day.p50 !== null);
  if (!shown.length) {
    replace(container, note("No object arrived within the last day."));
    return;
  }
  replace(container, h("div", { class: "latencies" }, shown.map(track), scale()));
}

function track(one) {
  const [period, found] = one.hour.p50 === null ? ["last day", one.day] : ["last hour", one.hour];
  const words = `half within ${span(found.p50)}, 90 % within ${span(found.p90)}, 99 % within ${span(found.p99)}, ${period}`;
  const [half, ninety, all] = [found.p50, found.p90, found.p99].map(place);
  const middle = 12;
  return h(
    "div",
    { class: "track" },
    h("span", { class: "name" }, route(one.source, one.destination)),
    s(
      "svg",
      { role: "img", "aria-label": `${one.source} to ${one.destination}: ${words}`, height: 24 },
      s("title", { text: words }),
      TICKS.map(([seconds]) =>
        s("line", { class: seconds === 900 ? "threshold" : "grid", x1: `${place(seconds)}%`, x2: `${place(seconds)}%`, y1: 0, y2: 24 }),
      ),
      s("line", { class: "reach", x1: `${half}%`, x2: `${all}%`, y1: middle, y2: middle }),
      s("line", { class: "end", x1: `${all}%`, x2: `${all}%`, y1: middle - 5, y2: middle + 5 }),
      s("circle", { class: "ninety", cx: `${ninety}%`, cy: middle, r: 3 }),
      s("circle", { class: "half", cx: `${half}%`, cy: middle, r: 4.5 }),
    ),
    h("span", { class: "figures", text: `${span(found.p50)} · ${span(found.p90)} · ${span(found.p99)}` }, h("small", { text: period })),
  );
}

function scale() {
  return h(
    "div",
    { class: "track ticks", "aria-hidden": "true" },
    h("span", {}),
    s("svg", { height: 18 }, TICKS.map(([seconds, text], index) =>
      s("text", { x: `${place(seconds)}%`, y: 13, "text-anchor": index === 0 ? "start" : index === TICKS.length - 1 ? "end" : "middle", text }),
    )),
    h("span", {}),
  );
}
