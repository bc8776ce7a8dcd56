/* Open incidents: many failures of one kind, told once, with what to do. */

import { all } from "./api.js";
import { byId, h, note, replace } from "./dom.js";
import { bytes, counted, moment, route, span, visible } from "./format.js";
import * as redrives from "./redrives.js";

export async function load(choose) {
  const container = byId("incidents");
  let found;
  try {
    found = await all(["incidents"], { state: "open" });
  } catch (error) {
    replace(container, note(`The incidents could not be read: ${error.message}`, "trouble"));
    return;
  }
  // Benign ones are those the configuration says not to worry about.
  const worrying = found.items.filter((one) => !one.benign);
  const benign = found.items.length - worrying.length;
  replace(
    container,
    worrying.length ? byReason(worrying).map((some) => reason(some, choose)) : note("None."),
    benign ? note(`${counted(benign, "incident")} of kinds that are configured as benign.`) : null,
    found.complete ? null : note("There may be more: not every bucket's configuration was read.", "doubt"),
  );
}

/** Incidents of one reason have one explanation and one fix, on whatever routes they are. */
function byReason(incidents) {
  const groups = new Map();
  for (const one of incidents) {
    groups.set(one.failure.code, [...(groups.get(one.failure.code) ?? []), one]);
  }
  return [...groups.values()];
}

function reason(some, choose) {
  const [{ id, failure }] = some;
  return h(
    "article",
    { class: "incident", "aria-labelledby": `incident-${id}` },
    h("h3", { id: `incident-${id}`, text: failure.code ?? "No reason given" }),
    h("p", { text: failure.explanation }),
    h("p", {}, h("strong", { class: "fix", text: "Fix" }), ` ${failure.fix}`),
    h("ul", {}, some.map((one) => incident(one, choose))),
  );
}

function incident(one, choose) {
  const from = `${one.bucket} to ${one.destination}`;
  return h(
    "li",
    {},
    h("div", {}, route(one.bucket, one.destination), h("p", { class: "detail" }, facts(one)), samples(one)),
    h("button", {
      type: "button",
      "data-focus": `incident ${one.id}`,
      "aria-label": `Show these failures: ${one.failure.code ?? "no reason given"}, ${from}`,
      onclick: () => choose({ bucket: one.bucket, destination: one.destination, reason: one.failure.code }),
      text: "Show these failures",
    }),
    redrives.button(one),
  );
}

function facts(one) {
  return [
    `${counted(one.failing, "object")} failed now, ${bytes(one.bytes_held_back)} held back; first `,
    moment(one.first_failed_at),
    ", last ",
    moment(one.last_failed_at),
    `, open for ${span((Date.now() - new Date(one.opened_at)) / 1000)}`,
    one.rule_id ? `, rule ${visible(one.rule_id)}.` : ".",
  ];
}

function samples(one) {
  const shown = one.samples.slice(0, 2).map(({ key }) => h("span", { class: "key", text: cut(visible(key)) }));
  const listed = shown.flatMap((each, index) => (index ? [", ", each] : [each]));
  return listed.length ? h("p", { class: "samples" }, "For example ", listed) : null;
}

const cut = (text) => (text.length > 80 ? `${text.slice(0, 60)}…${text.slice(-16)}` : text);
