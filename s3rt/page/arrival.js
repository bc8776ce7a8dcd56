/* A set of objects: whether all that was requested under a prefix has arrived. Asks until it has. */

import { get } from "./api.js";
import { announce, byId, h, note, replace } from "./dom.js";
import { address } from "./failures.js";
import { moment, number, span, visible } from "./format.js";
import { remedy } from "./object.js";

const FIRST_MS = 1_000;
const LONGEST_MS = 15_000;
const GROWTH = 1.5;

const dialog = () => byId("arrival");

let turn = 0; // of the set that is asked about
let timer = null;

export function install() {
  dialog().addEventListener("close", () => {
    stop();
    if (named()) history.pushState(null, "", location.pathname);
  });
  dialog().addEventListener("click", (event) => {
    if (event.target === dialog()) dialog().close();
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
}

/** The set that the page's address names. */
function named() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  return wanted.get("bucket") && wanted.has("prefix") ? { bucket: wanted.get("bucket"), prefix: wanted.get("prefix") } : null;
}

export function show(bucket, prefix) {
  const wanted = `#${new URLSearchParams({ bucket, prefix })}`;
  if (location.hash === wanted) fromAddress();
  else location.hash = wanted;
}

function stop() {
  turn += 1;
  clearTimeout(timer);
}

function fromAddress() {
  stop();
  const set = named();
  if (set === null) {
    if (dialog().open) dialog().close();
    return;
  }
  byId("arrival-title").textContent = `s3://${set.bucket}/${visible(set.prefix)}`;
  replace(byId("arrival-body"), note("Asking whether all of it has arrived …", "loading"));
  if (!dialog().open) dialog().showModal();
  byId("arrival-title").focus();
  ask({ ...set, until: null, cursor: null, begun: Date.now() }, FIRST_MS);
}

/** One question. What is requested after the first one is not of the set, or a busy prefix would never be done. */
async function ask(set, pause) {
  const mine = turn;
  let found;
  try {
    const { bucket, prefix, until, cursor } = set;
    found = await get(["buckets", bucket, "arrival"], { prefix, until, cursor });
  } catch (error) {
    if (mine !== turn) return;
    const passes = error.status === 0 || error.status === 429 || error.status >= 500;
    replace(byId("arrival-body"), note(error.message, "trouble"), passes ? note("It is asked again.") : null);
    announce(error.message);
    if (passes) again(set, pause);
    return;
  }
  if (mine !== turn) return;
  const next = { ...set, until: found.until, cursor: found.next_cursor };
  replace(byId("arrival-body"), ...answer(found, set));
  announce(`${visible(set.prefix)}: ${verdict(found).words}`);
  if (found.next_cursor !== null) ask(next, pause);
  else if (found.arrived !== true) again(next, pause);
}

function again(set, pause) {
  timer = setTimeout(() => ask(set, Math.min(LONGEST_MS, pause * GROWTH)), pause);
}

function verdict(found) {
  if (found.failures.length) return { kind: "failed", sign: "✗", words: "Some of it failed" };
  if (found.arrived === null) return { kind: "unknown", sign: "?", words: "Not known yet" };
  if (found.arrived === false) return { kind: "pending", sign: "…", words: "Not all of it has arrived" };
  if (!found.seen) return { kind: "completed", sign: "✓", words: "Nothing is missing" };
  return { kind: "completed", sign: "✓", words: "All of it has arrived" };
}

function answer(found, set) {
  const { kind, sign, words } = verdict(found);
  const waited = (Date.now() - set.begun) / 1000;
  return [
    h("p", { class: "verdict" },
      h("span", { class: `status ${kind}` }, h("span", { "aria-hidden": "true", text: `${sign} ` }), words)),
    h("p", { class: "detail" }, "Of what was requested before ", moment(found.until),
      found.arrived === true ? `; waited for ${span(waited)}.` : ". It is asked again while this stays open."),
    h("dl", {}, counts(found.counts)),
    found.reason_detail ? note(found.reason_detail, "doubt") : null,
    found.arrived && !found.seen ? note("No version of this prefix was found: see that it is written right.") : null,
    found.oldest_pending ? oldest(found.oldest_pending) : null,
    ...failures(found.failures),
  ];
}

function counts(found) {
  return [["Pending", found.pending], ["Failed", found.failed], ["In doubt", found.in_doubt]]
    .flatMap(([name, value]) => [h("dt", { text: name }), h("dd", { text: number(value) })]);
}

const link = (row) =>
  h("a", { class: "key", href: address(row.bucket, row.key, row.version_id), text: visible(row.key) });

function oldest(row) {
  return h("p", { class: "detail" }, "Oldest pending: ", link(row), " at ",
    h("span", { class: "bucket", text: row.destination ?? "an unknown destination" }), `, for ${span(row.age_seconds)}`);
}

/** The first that failed; under each code its reason and fix once. */
function failures(rows) {
  const codes = new Map();
  for (const row of rows) codes.set(row.failure?.code, [...(codes.get(row.failure?.code) ?? []), row]);
  return [...codes.values()].map((same) =>
    h("section", { class: "destination" },
      same.map((row) => h("p", {}, link(row), " at ", h("span", { class: "bucket", text: row.destination ?? "an unknown destination" }))),
      same[0].failure ? remedy(same[0].failure) : null));
}
