/* One object's life: looked up by its address, told as a timeline. */

import { get } from "./api.js";
import { announce, byId, h, note, replace } from "./dom.js";
import { address } from "./failures.js";
import { bytes, moment, span, status, visible } from "./format.js";

const dialog = () => byId("object");
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const EVIDENCE = {
  object_created: "S3 told of the new version",
  replica_created: "the replica appeared in the destination",
  replication_event: "S3 told of its replication",
  head_source: "read at the source",
  head_destination: "read at the destination",
  inventory: "listed in an inventory",
  batch_report: "told by a Batch Replication report",
  object_deleted: "S3 told of a deletion",
  object_changed: "S3 told of a change of tags, ACL or metadata",
};

const NOT_TAKEN = {
  true: "A replication rule takes this version, and nobody knows where.",
  false: "No replication rule takes this version, so nothing replicates it.",
  null: "Whether a replication rule takes this version is not known.",
};

let waitFor = null;

/** `prefixes` shows a set of objects. */
export function install(prefixes) {
  waitFor = prefixes;
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    lookUp(byId("wanted").value.trim());
  });
  byId("wanted").addEventListener("input", () => trouble(""));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea");
    if (event.key !== "/" || typing || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    byId("wanted").focus();
    byId("wanted").select();
  });
  dialog().addEventListener("close", () => {
    if (named().get("key")) history.pushState(null, "", location.pathname);
  });
  dialog().addEventListener("click", (event) => {
    if (event.target === dialog()) dialog().close();
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
}

function trouble(words) {
  byId("search-trouble").textContent = words;
  byId("wanted").setAttribute("aria-invalid", words ? "true" : "false");
}

function lookUp(text) {
  const [bucket, ...rest] = text.replace(/^s3:\/\//, "").split("/");
  const key = rest.join("/");
  if (!BUCKET.test(bucket) || !rest.length) {
    trouble("Write s3://bucket/key, or s3://bucket/prefix/ to wait for all of it");
    return;
  }
  trouble("");
  if (key === "" || key.endsWith("/")) waitFor(bucket, key);
  else show(bucket, key);
}

export function show(bucket, key, version = null) {
  const wanted = address(bucket, key, version);
  if (location.hash === wanted) fromAddress();
  else location.hash = wanted;
}

const named = () => new URLSearchParams(location.hash.slice(1));

function fromAddress() {
  const wanted = named();
  if (wanted.get("bucket") && wanted.get("key")) {
    open(wanted.get("bucket"), wanted.get("key"), wanted.get("version"));
  } else if (dialog().open) dialog().close();
}

let asked = 0;

async function open(bucket, key, version) {
  const turn = ++asked;
  byId("object-title").textContent = visible(key);
  replace(byId("object-body"), note("Looking it up …", "loading"));
  if (!dialog().open) dialog().showModal();
  byId("object-title").focus();
  let found;
  try {
    const query = { key, version_id: version };
    found = await get(["buckets", bucket, "object"], query);
  } catch (error) {
    if (turn !== asked) return;
    const kind = error.status === 404 ? "empty" : "trouble";
    replace(byId("object-body"), h("p", { class: "where", text: `s3://${bucket}` }), note(error.message, kind));
    announce(error.message);
    return;
  }
  if (turn !== asked) return;
  const versions = await get(["buckets", bucket, "object", "versions"], { key }).catch(() => null);
  if (turn !== asked) return;
  render(found, versions);
  announce(`${visible(key)}: ${found.replication_status ?? "no replication status"}`);
}

function render(found, versions) {
  replace(
    byId("object-body"),
    h("p", { class: "verdict" }, status(found.replication_status, found.in_doubt), h("span", { class: "where", text: `s3://${found.bucket}` })),
    facts(found),
    found.destinations.map(destination),
    found.role === "source" && !found.destinations.length
      ? note(
          found.replication_status
            ? "An inventory told this status, and no rule the tracker knows says of which destination."
            : NOT_TAKEN[found.eligible],
        )
      : null,
    found.in_doubt ? note("In doubt where it goes: S3 is asked within minutes, or the rules are read again.", "doubt") : null,
    h("h3", { text: "What happened" }),
    timeline(found),
    versions && versions.items.length > 1 ? others(found, versions) : null,
  );
}

function facts(found) {
  const rows = [
    ["Version", found.version_id],
    ["Kind", found.delete_marker ? "delete marker" : null],
    ["Size", found.delete_marker || found.size === null ? null : bytes(found.size)],
    ["Written", found.created_at && moment(found.created_at)],
    ["Deleted for good", found.deleted_at && moment(found.deleted_at)],
    ["Replica of", found.role === "replica" && origin(found.source)],
    ["Last heard of", found.observed_at && moment(found.observed_at)],
  ];
  return h("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", { text: name }), h("dd", {}, value)]).flat());
}

function origin(source) {
  if (!source) return "a version that no tracked bucket is known to have";
  return `s3://${source.bucket}/${visible(source.key)}`;
}

function destination(one) {
  const detail = [];
  if (one.since) detail.push("since ", moment(one.since));
  if (one.latency_seconds !== null) detail.push(`, after ${span(one.latency_seconds)}`);
  if (one.late) detail.push(", later than the threshold");
  if (one.stale) detail.push(", for over a day: S3 has not called it failed");
  if (one.lost_at) detail.push(", and the replica was deleted there ", moment(one.lost_at));
  if (one.rule_id) detail.push(`, by rule ${visible(one.rule_id)}`);
  return h(
    "section",
    { class: "destination" },
    h("h3", {}, status(one.status, one.in_doubt), " ", h("span", { class: "bucket", text: one.bucket })),
    h("p", { class: "detail" }, detail),
    one.failure ? remedy(one.failure) : null,
  );
}

/** Why, and what to do. */
export function remedy(failure) {
  return h(
    "div",
    { class: "remedy" },
    h("p", {}, h("strong", { text: failure.code ?? "No reason given" }), ` ${failure.explanation}`),
    h("p", {}, h("strong", { class: "fix", text: "Fix" }), ` ${failure.fix}`),
  );
}

function timeline(found) {
  if (!found.transitions.length) return note("No change of its status is known.");
  let before = null;
  const entries = found.transitions.map((one) => {
    const gap = before === null ? null : (new Date(one.at) - new Date(before)) / 1000;
    before = one.at;
    return h(
      "li",
      { class: (one.to ?? "unknown").toLowerCase() },
      h("p", {}, moment(one.at), gap > 0 ? h("small", { text: `${span(gap)} later` }) : null),
      h("p", {}, status(one.to), one.destination ? [" at ", h("span", { class: "bucket", text: one.destination })] : null),
      h("p", { class: "detail" }, EVIDENCE[one.evidence] ?? one.evidence, one.detail ? `: ${visible(one.detail)}` : ""),
    );
  });
  return h("ol", { class: "timeline" }, entries);
}

function others(found, { items }) {
  const links = items.map((one) =>
    h("li", {},
      h("a", {
        href: address(one.bucket, one.key, one.version_id),
        "aria-current": one.version_id === found.version_id ? "true" : null,
        text: one.version_id,
      }), " ", status(one.replication_status, one.in_doubt), " ", moment(one.created_at)),
  );
  return [h("h3", { text: "Versions" }), h("ul", { class: "versions" }, links)];
}
