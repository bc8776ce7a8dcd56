/* The list of failures: filters, pages, and a way to each object. */

import { get } from "./api.js";
import { announce, byId, h, note, replace } from "./dom.js";
import { counted, moment, span, visible } from "./format.js";

const LIMIT = 25;
const EVERY = "";

const form = () => byId("filters");
let cursors = [null]; // the cursors of the pages up to the one shown
let asked = 0; // only the answer to the latest question is shown
let following = null;
let known = [];

export function install(show) {
  form().addEventListener("submit", (event) => {
    event.preventDefault();
    restart();
  });
  form().addEventListener("change", (event) => {
    if (event.target.name === "bucket") offerDestinations();
    if (event.target.tagName === "SELECT") restart();
  });
  byId("older").addEventListener("click", () => turn([...cursors, following]));
  byId("newer").addEventListener("click", () => turn(cursors.slice(0, -1)));
  byId("failures").addEventListener("click", (event) => {
    const link = event.target.closest("a[data-key]");
    if (!link || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    show(link.dataset.bucket, link.dataset.key, link.dataset.version);
  });
}

/** New sources to choose from. The first look shows the one that fails. */
export function offer(routes) {
  const names = [...new Set(routes.map((one) => one.source))];
  const select = form().elements.bucket;
  const before = select.value;
  known = routes;
  if ([...select.options].map((one) => one.value).join("\n") === names.join("\n")) return;
  select.replaceChildren(...names.map((text) => h("option", { value: text, text })));
  const failing = routes.find((one) => one.failing);
  select.value = names.includes(before) ? before : (failing?.source ?? names[0] ?? "");
  offerDestinations();
}

function offerDestinations() {
  const fields = form().elements;
  const names = known
    .filter((one) => one.source === fields.bucket.value && one.destination)
    .map((one) => one.destination);
  fields.destination.replaceChildren(
    h("option", { value: EVERY, text: "every" }),
    ...names.map((text) => h("option", { value: text, text })),
  );
}

/** Shows the failures of a route or an incident, and goes there. */
export function choose({ bucket, destination = EVERY, reason = "" }) {
  const fields = form().elements;
  fields.bucket.value = bucket;
  offerDestinations();
  fields.destination.value = destination ?? EVERY;
  fields.reason.value = reason ?? "";
  fields.prefix.value = fields.since.value = "";
  byId("failures-section").scrollIntoView();
  byId("failures-title").focus({ preventScroll: true });
  return restart();
}

export const restart = () => turn([null]);

/** Looks again, unless a later page is being read. */
export const refresh = () => (cursors.length === 1 ? turn([null], { quiet: true }) : null);

async function turn(to, { quiet = false } = {}) {
  const fields = form().elements;
  const bucket = fields.bucket.value;
  const turnNumber = ++asked;
  const container = byId("failures");
  if (!bucket) {
    replace(container, note("No source bucket is tracked."));
    return;
  }
  if (!quiet) container.setAttribute("aria-busy", "true");
  const hours = Number(fields.since.value);
  try {
    const page = await get(["buckets", bucket, "objects"], {
      status: "FAILED",
      destination: fields.destination.value,
      reason: fields.reason.value.trim(),
      prefix: fields.prefix.value,
      since: hours ? new Date(Date.now() - hours * 3600e3).toISOString() : null,
      limit: LIMIT,
      cursor: to.at(-1),
    });
    if (turnNumber !== asked) return;
    cursors = to;
    following = page.next_cursor;
    render(page, container, quiet);
  } catch (error) {
    if (turnNumber !== asked) return;
    replace(container, note(`The failures could not be read: ${error.message}`, "trouble"));
    if (!quiet) announce(`The failures could not be read: ${error.message}`);
  } finally {
    if (turnNumber === asked) container.removeAttribute("aria-busy");
  }
}

function render(page, container, quiet) {
  const number = cursors.length;
  byId("newer").disabled = number === 1;
  byId("older").disabled = following === null;
  byId("page-number").textContent = number > 1 || following ? `Page ${number}` : "";
  const reasons = [...new Set(page.items.map((row) => row.failure.code).filter(Boolean))];
  byId("reasons").replaceChildren(...reasons.map((value) => h("option", { value })));
  const doubt = page.complete ? null : note("This list may lack something: not all is tracked that far back, or was heard of yet.", "doubt");
  const words = page.items.length
    ? `${counted(page.items.length, "failure")} on page ${number}`
    : `No failure${number > 1 ? " on this page" : " matches"}.`;
  const nothing = following ? "None so far; there is more to search." : words;
  replace(container, page.items.length ? table(page.items) : note(nothing), doubt);
  if (!quiet) announce(words);
}

function table(rows) {
  const head = ["Failed", "Object", "To", "Reason"];
  return h(
    "table",
    { class: "failures" },
    h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col", text })))),
    h("tbody", {}, rows.map(line)),
  );
}

function line(row) {
  const { bucket, key, version_id: version } = row;
  const link = h("a", {
    href: address(bucket, key, version),
    class: "key",
    "data-bucket": bucket,
    "data-key": key,
    "data-version": version,
    "data-focus": `object ${row.destination} ${version} ${key}`,
    text: visible(key),
  });
  return h(
    "tr",
    {},
    h("td", { "data-label": "Failed" }, moment(row.since), h("small", { text: `${span(row.age_seconds)} ago` })),
    h("td", { "data-label": "Object" }, link),
    h("td", { "data-label": "To", class: "bucket" }, row.destination),
    h("td", { "data-label": "Reason" }, h("span", { title: row.failure.explanation, text: row.failure.code ?? "no reason given" })),
  );
}

/** The address of an object on this page. */
export const address = (bucket, key, version) =>
  `#${new URLSearchParams({ bucket, key, ...(version ? { version } : {}) })}`;
