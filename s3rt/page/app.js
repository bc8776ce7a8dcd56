/* Asks for everything, again and again, and gives each part what concerns it. */

import * as arrival from "./arrival.js";
import * as charts from "./charts.js";
import { byId, h, note, replace } from "./dom.js";
import * as failures from "./failures.js";
import * as incidents from "./incidents.js";
import { load } from "./model.js";
import * as object from "./object.js";
import * as redrives from "./redrives.js";
import * as routes from "./routes.js";
import { timelines } from "./timeline.js";

const EVERY_MS = 10_000;

let paused = false;
let looked = null; // when the last good look was
let timer = null;
let model = null;
let busy = false;
let activityAsked = 0;

const hours = () => Number(document.querySelector("input[name=range]:checked").value);

async function look() {
  if (busy) return;
  busy = true;
  clearTimeout(timer);
  try {
    model = await load();
    looked = Date.now();
    outage(null);
    show();
    await Promise.all([showActivity(), incidents.load(failures.choose), redrives.load(), failures.refresh()]);
  } catch (error) {
    outage(error);
  } finally {
    busy = false;
    freshness();
    if (!paused) timer = setTimeout(() => (document.hidden ? null : look()), EVERY_MS);
  }
}

function show() {
  routes.render(model, failures.choose);
  charts.latency(model.routes);
  failures.offer(model.routes);
  byId("buckets").replaceChildren(...model.buckets.map((one) => h("option", { value: `s3://${one.bucket}/` })));
}

async function showActivity() {
  const turn = ++activityAsked;
  byId("activity").setAttribute("aria-busy", "true");
  try {
    const found = await timelines(model, hours());
    if (turn === activityAsked) charts.activity(found);
  } catch (error) {
    if (turn === activityAsked) {
      replace(byId("activity"), note(`The activity could not be read: ${error.message}`, "trouble"));
    }
  } finally {
    if (turn === activityAsked) byId("activity").removeAttribute("aria-busy");
  }
}

/** What was known stays on the page, and the page says that it is old. */
function outage(error) {
  const place = byId("outage");
  place.hidden = error === null;
  if (error === null) return;
  const since = looked === null ? "" : " What follows is older.";
  place.textContent = `The tracker does not answer: ${error.message}${since}`;
  if (looked !== null) return;
  byId("headline").textContent = "The tracker does not answer.";
  for (const id of ["routes", "incidents", "activity", "latency", "failures"]) {
    replace(byId(id), note("Nothing is known yet."));
  }
}

function freshness() {
  const seconds = looked === null ? null : Math.round((Date.now() - looked) / 1000);
  const age = seconds === null ? "no answer yet" : seconds < 5 ? "up to date" : `${seconds} s old`;
  byId("freshness").textContent = paused ? `paused, ${age}` : age;
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  byId("pause").textContent = paused ? "Go on" : "Pause";
  clearTimeout(timer);
  freshness();
  if (!paused) look();
});
byId("range").addEventListener("change", () => model && showActivity());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !paused) look();
});

object.install(arrival.show);
arrival.install();
redrives.install();
failures.install(object.show);
setInterval(freshness, 1000);
look();
