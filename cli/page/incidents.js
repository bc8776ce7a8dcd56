/* Open incidents: many failures of one kind, told once, with what to do. */

import { all, ifThere } from "./api.js";
import { byId, h, note, replace } from "./dom.js";
import { bytes, counted, moment, route, span, visible } from "./format.js";

export async function load(choose) {
  const container = byId("incidents");
  let found;
  try {
    found = await ifThere(all(["incidents"], { state: "open" }));
  } catch (error) {
    replace(container, note(`The incidents could not be read: ${error.message}`, "trouble"));
    return;
  }
  if (found === null) {
    replace(container, note("This release of the API has no incidents; the failures are listed below."));
    return;
  }
  // Benign ones are those the configuration says not to worry about.
  const worrying = found.items.filter((one) => !one.benign);
  const benign = found.items.length - worrying.length;
  replace(
    container,
    worrying.length ? worrying.map((one) => incident(one, choose)) : note("None."),
    benign ? note(`${counted(benign, "incident")} of kinds that are configured as benign.`) : null,
    found.complete ? null : note("There may be more: not every bucket's configuration was read.", "doubt"),
  );
}

function incident(one, choose) {
  const code = one.failure.code ?? "No reason given";
  const title = h("h3", { id: `incident-${one.id}`, text: code });
  return h(
    "article",
    { class: "incident", "aria-labelledby": `incident-${one.id}` },
    h("header", {}, title, route(one.bucket, one.destination)),
    h(
      "p",
      { class: "detail" },
      `${counted(one.failing, "object")} failed now, ${bytes(one.bytes_held_back)} held back; `,
      "first ", moment(one.first_failed_at), ", last ", moment(one.last_failed_at),
      `, open for ${span((Date.now() - new Date(one.opened_at)) / 1000)}`,
      one.rule_id ? `, rule ${visible(one.rule_id)}` : "", ".",
    ),
    h("p", { text: one.failure.explanation }),
    h("p", {}, h("strong", { class: "fix", text: "Fix" }), ` ${one.failure.fix}`),
    h("p", { class: "samples" }, "For example ", samples(one)),
    h("button", {
      type: "button",
      class: "more",
      "data-focus": `incident ${one.id}`,
      "aria-describedby": `incident-${one.id}`,
      onclick: () => choose({ bucket: one.bucket, destination: one.destination, reason: one.failure.code }),
      text: "Show these failures",
    }),
  );
}

function samples(one) {
  const shown = one.samples.slice(0, 2).map(({ key }) => h("span", { class: "key", text: cut(visible(key)) }));
  return shown.flatMap((each, index) => (index ? [", ", each] : [each]));
}

const cut = (text) => (text.length > 80 ? `${text.slice(0, 60)}…${text.slice(-16)}` : text);
