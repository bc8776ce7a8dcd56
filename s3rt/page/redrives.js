/* Redrives: a plan of an incident, its start after a question, and how far it is. */

import { change, get } from "./api.js";
import { byId, h, note, replace } from "./dom.js";
import { bytes, counted, moment, visible } from "./format.js";

const GOES_ON = new Set(["planning", "starting", "running", "cancelling"]);
const POLL_MS = 1_500;
const SHOWN = 5;
const MISSING =
  "These credentials may only read. A redrive needs a stack with redrive=true, one of its operators, and" +
  " execute-api:Invoke on POST and DELETE of /v1/redrives (docs/policies/operator.json).";

let missing = null; // what was missing at the last attempt
let shown = null; // the redrive in the dialog
let timer = null;

/** The button of an incident. After a refusal it says what is missing. */
export function button(incident) {
  const from = `${incident.bucket} to ${incident.destination}`;
  return h("button", {
    type: "button",
    class: "plan",
    "data-focus": `plan ${incident.id}`,
    "aria-label": `Plan a redrive: ${incident.failure.code ?? "no reason given"}, ${from}`,
    title: missing,
    disabled: missing !== null,
    onclick: () => plan({ incident_id: incident.id }),
    text: missing === null ? "Plan a redrive" : "Plan a redrive (not allowed)",
  });
}

/** The latest redrives; nothing where there never was one. */
export async function load() {
  let found;
  try {
    found = await get(["redrives"], { limit: SHOWN });
  } catch (error) {
    found = error.status === 404 ? { items: [] } : null;
    if (found === null) replace(byId("redrives"), note(`The redrives could not be read: ${error.message}`, "trouble"));
  }
  if (found === null) return;
  byId("redrives-section").hidden = found.items.length === 0;
  replace(byId("redrives"), h("ul", { class: "redrives" }, found.items.map(line)));
}

export function install() {
  byId("redrive").addEventListener("close", () => {
    clearTimeout(timer);
    shown = null;
  });
}

function line(one) {
  return h(
    "li",
    {},
    h("span", { class: "detail" }, state(one), " ", moment(one.created_at), " ", summary(one)),
    h("button", {
      type: "button",
      "data-focus": `redrive ${one.id}`,
      "aria-label": `Show redrive ${one.id}`,
      onclick: () => open(one),
      text: "Show",
    }),
  );
}

async function plan(body) {
  try {
    open(await change("POST", ["redrives"], body));
  } catch (error) {
    refused(error);
  }
}

/** A refusal of the gateway is about the credentials, whatever else was asked. */
function refused(error) {
  if (error.status === 403) {
    missing = MISSING;
    for (const one of document.querySelectorAll("button.plan")) {
      one.disabled = true;
      one.title = missing;
      one.textContent = "Plan a redrive (not allowed)";
    }
  }
  const words = error.status === 403 ? MISSING : error.message;
  if (!byId("redrive").open) byId("redrive").showModal();
  replace(byId("redrive-body"), shown === null ? null : details(shown), note(words, "trouble"));
}

function open(one) {
  shown = one;
  render();
  if (!byId("redrive").open) byId("redrive").showModal();
}

function render() {
  replace(byId("redrive-body"), details(shown), actions(shown));
  clearTimeout(timer);
  if (GOES_ON.has(shown.state)) timer = setTimeout(again, POLL_MS);
}

async function again() {
  const asked = shown;
  try {
    const found = await get(["redrives", asked.id]);
    if (shown !== asked) return;
    shown = found;
    render();
    if (!GOES_ON.has(found.state)) load();
  } catch (error) {
    if (shown === asked) refused(error);
  }
}

const state = (one) => h("strong", { class: `redrive-state ${one.state}`, text: one.state });

function summary(one) {
  const failed = one.jobs.reduce((sum, job) => sum + (job.failed ?? 0), 0);
  const done = one.jobs.reduce((sum, job) => sum + (job.succeeded ?? 0), 0);
  if (one.versions === null) return "";
  const progress = one.started_at === null ? "" : `, ${done} done, ${failed} failed`;
  return `${counted(one.versions, "version")}${progress}`;
}

function details(one) {
  return [
    h("p", {}, state(one), ` ${one.id}`),
    one.refusal ? note(visible(one.refusal.detail), "trouble") : null,
    ...one.concerns.map((text) => note(`Forced, although: ${visible(text)}`, "doubt")),
    one.versions === null
      ? null
      : h("p", { text: `${counted(one.versions, "version")}, ${bytes(one.bytes)}. ${cost(one.estimated_cost_usd)}` }),
    one.destinations.length
      ? h("p", {}, "S3 may write into ", one.destinations.map((each) => each.bucket).join(", "), ".")
      : null,
    ...one.left_out.map((each) => note(`Left out, ${each.reason}: ${each.count}. ${each.explanation}`)),
    ...(one.started_at === null ? [] : one.jobs.map(job)),
  ];
}

function cost(found) {
  const known = found.jobs + found.objects + found.requests;
  return found.total === null ? `At least $${known.toFixed(2)}.` : `At most $${found.total.toFixed(2)}.`;
}

function job(one) {
  const done = (one.succeeded ?? 0) + (one.failed ?? 0);
  return h(
    "div",
    {},
    h("p", { text: `${one.bucket}: ${one.status ?? one.state}, ${done} of ${one.versions}, ${one.failed ?? 0} failed` }),
    h("progress", { max: one.versions, value: done, "aria-label": `Tasks of ${one.bucket}` }),
    one.problem ? note(visible(one.problem), "trouble") : null,
    one.failures.map((each) =>
      h("p", {}, `${each.count} × ${each.failure.code ?? "no reason given"}. `,
        h("strong", { class: "fix", text: "Fix" }), ` ${each.failure.fix}`),
    ),
  );
}

/** A start costs money: a button of its own, after the price was shown, and one question more. */
function actions(one) {
  const buttons = [];
  if (one.state === "planned") {
    buttons.push(h("button", { type: "button", id: "start", onclick: () => ask(one), text: "Start …" }));
  }
  if (one.state === "planned" || (GOES_ON.has(one.state) && one.state !== "cancelling")) {
    buttons.push(h("button", { type: "button", class: "quiet", onclick: () => act("DELETE", ["redrives", one.id]), text: "Cancel it" }));
  }
  return buttons.length ? h("p", { class: "actions" }, buttons) : null;
}

function ask(one) {
  const question = h(
    "p",
    { class: "actions", role: "group", "aria-label": "Confirm the start" },
    `S3 will replicate ${counted(one.versions, "version")}. ${cost(one.estimated_cost_usd)} `,
    h("button", {
      type: "button",
      id: "confirm",
      onclick: () => act("POST", ["redrives"], { dry_run: false, plan_id: one.id }),
      text: "Start and pay",
    }),
    h("button", { type: "button", class: "quiet", onclick: render, text: "Not now" }),
  );
  replace(byId("redrive-body"), details(one), question);
  byId("confirm").focus();
}

async function act(method, path, body) {
  try {
    shown = await change(method, path, body);
    render();
    load();
  } catch (error) {
    refused(error);
  }
}
