/* What completed and failed over time, of every route. */

import { get } from "./api.js";

// Hours shown, and the step that gives a chart its bars.
const STEPS = { 1: "1m", 6: "5m", 24: "15m", 168: "6h" };

/** [{source, destination, points}] */
export async function timelines({ sources }, hours) {
  const since = new Date(Date.now() - hours * 3600e3).toISOString();
  const found = await Promise.all(
    sources.map(({ bucket }) => get(["buckets", bucket, "timeline"], { since, step: STEPS[hours] })),
  );
  return found.flatMap((one, index) =>
    one.destinations.map((each) => ({
      source: sources[index].bucket,
      destination: each.destination,
      points: each.intervals.map((point) => ({ ...point, at: point.start })),
    })),
  );
}
