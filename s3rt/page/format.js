/* Numbers, times and names as people read them. Unknown (null) is a dash, never a zero. */

import { h } from "./dom.js";

export const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en-GB");
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export const number = (value) => (value === null || value === undefined ? UNKNOWN : whole.format(value));

export const counted = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

export function bytes(value) {
  if (value === null || value === undefined) return UNKNOWN;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let index = 0;
  while (value >= 1024 && index < units.length - 1) [value, index] = [value / 1024, index + 1];
  return `${index && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[index]}`;
}

/** A length of time in its two largest units. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const total = Math.floor(seconds);
  for (const [unit, smaller, length, part] of [
    ["d", "h", 86400, 3600],
    ["h", "min", 3600, 60],
    ["min", "s", 60, 1],
  ]) {
    if (total < length) continue;
    const rest = Math.floor((total % length) / part);
    return `${Math.floor(total / length)} ${unit}` + (rest && total < 10 * length ? ` ${rest} ${smaller}` : "");
  }
  return `${total} s`;
}

/** A moment as a local clock shows it, with the day unless it is today; the title has all of it. */
export function moment(text) {
  if (!text) return h("span", { text: UNKNOWN });
  return h("time", { datetime: text, title: text, text: shortMoment(text) });
}

export function shortMoment(text) {
  const at = new Date(text);
  const today = at.toDateString() === new Date().toDateString();
  return today ? clock.format(at) : `${date.format(at)}, ${clock.format(at).slice(0, 5)}`;
}

// Control characters, and those that turn the direction of text or take no room.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A key with what cannot be seen in it made visible. */
export const visible = (text) =>
  text.replace(HIDDEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

/** "source → destination", one after the other where there is no room. */
export function route(source, destination) {
  return h(
    "span",
    { class: "route" },
    h("span", { class: "bucket", text: source }),
    h("span", { class: "arrow", "aria-label": "to", role: "img", text: "→" }),
    h("span", { class: "bucket", text: destination ?? "unknown destination" }),
  );
}

const SIGNS = { COMPLETED: "✓", PENDING: "…", FAILED: "✗", REPLICA: "⇐" };

/** A status and the doubt beside it; without a status the doubt is all there is. */
export function status(value, inDoubt = false) {
  const sign = h("span", { "aria-hidden": "true", text: `${SIGNS[value] ?? "?"} ` });
  const words = value ?? (inDoubt ? "in doubt" : "unknown");
  const doubt = value && inDoubt ? h("small", { class: "doubt", text: " in doubt" }) : null;
  return h("span", { class: `status ${(value ?? "unknown").toLowerCase()}` }, sign, words, doubt);
}
