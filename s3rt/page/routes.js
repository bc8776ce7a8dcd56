/* The sentence at the top, and the table of routes. */

import { announce, byId, h, note, replace } from "./dom.js";
import { bytes, counted, moment, number, route as routeName, shortMoment, span, visible } from "./format.js";
import { STATES, stateOf } from "./model.js";

export function headline(routes) {
  const of = (state) => routes.filter((one) => stateOf(one) === state);
  const [failing, behind, unknown] = [of("failing"), of("behind"), of("unknown")];
  const all = routes.length;
  if (!all) return "No bucket is tracked.";
  if (failing.length) return `${share(failing.length, all)} failing.`;
  if (behind.length) return `${share(behind.length, all)} behind.`;
  if (unknown.length) return `${share(unknown.length, all)} unknown to the tracker.`;
  if (of("replicating").length) return "Replication is keeping up.";
  return "Everything has arrived.";
}

function share(some, all) {
  if (some === all) return { 1: "The only route is", 2: "Both routes are" }[all] ?? `All ${all} routes are`;
  return `${some} of ${all} routes ${some === 1 ? "is" : "are"}`;
}

/** The facts behind the headline, as sentences. */
export function standfirst(routes) {
  const parts = [];
  const failed = sum(routes, (one) => one.counts.FAILED);
  if (failed) parts.push(`${counted(failed, "object")} failed.`);
  const waiting = routes.filter((one) => one.oldestSeconds !== null);
  waiting.sort((a, b) => b.oldestSeconds - a.oldestSeconds);
  if (waiting.length) {
    const { oldestSeconds, source, destination } = waiting[0];
    parts.push(`The oldest pending object waits for ${span(oldestSeconds)}, ${source} → ${destination}.`);
  } else if (routes.some((one) => one.failing !== null)) parts.push("Nothing is pending.");
  const doubtful = sum(routes, (one) => one.inDoubt);
  if (doubtful) parts.push(`${counted(doubtful, "object")} in doubt: S3 is asked within minutes.`);
  const known = routes.filter((one) => one.destination !== null);
  if (known.length && known.every((one) => one.watermark)) {
    const earliest = known.map((one) => one.watermark).sort()[0];
    const where = known.length === routes.length ? "everywhere" : "on every route that is known";
    parts.push(`Everything the tracker saw before ${shortMoment(earliest)} has arrived ${where}.`);
  }
  return parts.join(" ");
}

function sum(routes, value) {
  const known = routes.map(value).filter((one) => one !== null);
  return known.length ? known.reduce((a, b) => a + b, 0) : null;
}

export function render({ routes }, choose) {
  const title = headline(routes);
  byId("headline").textContent = title;
  byId("standfirst").textContent = standfirst(routes);
  document.title = `${title.replace(/\.$/, "")} – S3 replication`;
  announce(title);
  if (!routes.length) {
    replace(byId("routes"), note("Deploy the tracker with source buckets to follow some."));
    return;
  }
  const head = ["State", "Route", "Completed", "Pending", "Failed", "All arrived before", "Half / 99 % within"];
  const numeric = new Set(["Completed", "Pending", "Failed"]);
  const order = Object.keys(STATES);
  const sorted = [...routes].sort((a, b) => order.indexOf(stateOf(a)) - order.indexOf(stateOf(b)));
  replace(
    byId("routes"),
    h(
      "table",
      { class: "routes" },
      h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col", class: numeric.has(text) ? "number" : null, text })))),
      h("tbody", {}, sorted.map((one) => row(one, choose))),
    ),
    ...doubts(routes),
  );
}

function row(one, choose) {
  const state = stateOf(one);
  const { word, sign } = STATES[state];
  const name = routeName(one.source, one.destination);
  const cell = (label, value, kind = "") => h("td", { "data-label": label, class: kind }, value);
  const link = h("button", {
    type: "button",
    class: "link",
    "data-focus": `route ${one.source} ${one.destination}`,
    "aria-label": `Show the ${number(one.counts.FAILED)} failures of ${one.source} to ${one.destination}`,
    onclick: () => choose({ bucket: one.source, destination: one.destination }),
    text: number(one.counts.FAILED),
  });
  return h(
    "tr",
    { class: state },
    h("td", { class: "state" }, h("span", { class: "sign", "aria-hidden": "true", text: sign }), word),
    h("th", { scope: "row" }, one.elsewhere ? [name, h("small", { text: one.elsewhere })] : name),
    cell("Completed", number(one.counts.COMPLETED), "number"),
    cell("Pending", pending(one), "number"),
    cell("Failed", one.failing ? link : one.failing === false ? "0" : number(null), "number failed"),
    cell("All arrived before", arrivedBefore(one)),
    cell("Half / 99 % within", latency(one)),
  );
}

function pending(one) {
  const doubt = one.inDoubt ? h("small", { class: "doubt", text: `${number(one.inDoubt)} in doubt` }) : null;
  return [waiting(one), doubt].flat();
}

function waiting(one) {
  if (one.oldestSeconds === null) return one.failing === null ? number(null) : "0";
  const size = one.pendingBytes ? `, ${bytes(one.pendingBytes)}` : "";
  const title = one.oldestKey === null ? null : `The oldest: ${visible(one.oldestKey)}`;
  return [number(one.counts.PENDING), h("small", { title, text: `oldest ${span(one.oldestSeconds)}${size}` })];
}

function arrivedBefore(one) {
  if (!one.watermark) return number(null);
  const behind = one.lagSeconds > 1 ? `${span(one.lagSeconds)} ago` : "now";
  return [moment(one.watermark), h("small", { text: behind })];
}

function latency({ hour, day }) {
  const [found, period] = hour.p50 === null ? [day, "last day"] : [hour, "last hour"];
  if (found.p50 === null) return number(null);
  return [`${span(found.p50)} / ${span(found.p99)}`, h("small", { text: period })];
}

/** What is not known, once for each reason. */
function doubts(routes) {
  const told = new Map();
  for (const one of routes.filter((each) => !each.complete)) {
    const reason = one.reason ?? "Something may be missing.";
    told.set(reason, new Set([...(told.get(reason) ?? []), one.source]));
  }
  return [...told].map(([reason, names]) =>
    note(`${[...names].join(", ")}: ${reason}`, "doubt"),
  );
}
