/* How every route stands: the API's summary. */

import { all, get } from "./api.js";

export const BEHIND_SECONDS = 15 * 60; // S3's own replication time threshold

const NONE = { p50: null, p90: null, p99: null };
const EMPTY = {
  counts: { COMPLETED: null, PENDING: null, FAILED: null },
  pendingBytes: null,
  inDoubt: null,
  failing: null,
  oldestSeconds: null,
  oldestKey: null,
  watermark: null,
  lagSeconds: null,
  hour: NONE,
  day: NONE,
  complete: false,
  reason: null,
  elsewhere: "",
};

export const STATES = {
  failing: { word: "Failing", sign: "✗" },
  behind: { word: "Behind", sign: "!" },
  unknown: { word: "Unknown", sign: "?" },
  replicating: { word: "Replicating", sign: "…" },
  clear: { word: "Clear", sign: "✓" },
};

export function stateOf(route) {
  if (route.failing) return "failing";
  if ((route.oldestSeconds ?? 0) >= BEHIND_SECONDS) return "behind";
  if (route.failing === null) return "unknown";
  return route.oldestSeconds === null && !route.inDoubt ? "clear" : "replicating";
}

/** {buckets, sources, routes} */
export async function load() {
  const { items: buckets } = await all(["buckets"]);
  const sources = buckets.filter((one) => one.role !== "destination");
  const routes = (await Promise.all(sources.map(ofBucket))).flat();
  return { buckets, sources, routes };
}

async function ofBucket(bucket) {
  const source = bucket.bucket;
  const { destinations } = await get(["buckets", source, "summary"]);
  if (destinations.length) return Promise.all(destinations.map(fromSummary));
  const reason = bucket.destinations
    ? "No replication rule names a destination."
    : "Its replication configuration was never read.";
  return [{ ...EMPTY, source, destination: null, reason }];
}

async function first(source, destination, status) {
  const filters = { status, destination, limit: 1 };
  return (await get(["buckets", source, "objects"], filters)).items[0] ?? null;
}

/** Region and account of the destination, as far as they are not those of the source. */
function elsewhere(one) {
  const parts = [];
  if (one.destination_region !== one.source_region) parts.push(one.destination_region);
  if (one.destination_account !== one.source_account) parts.push(one.destination_account);
  return parts.filter(Boolean).join(" ");
}

async function fromSummary(one) {
  const { pending, completed, failed, in_doubt: inDoubt } = one.counts;
  let oldest = one.oldest_pending;
  // Older failures hold the watermark back; the summary names no pending object then.
  if (oldest === null && pending.count) oldest = await first(one.source, one.destination, "PENDING");
  return {
    source: one.source,
    destination: one.destination,
    counts: { PENDING: pending.count, COMPLETED: completed.count, FAILED: failed.count },
    pendingBytes: pending.bytes,
    inDoubt: inDoubt.count,
    failing: failed.count > 0,
    oldestSeconds: oldest?.age_seconds ?? null,
    oldestKey: oldest?.key ?? null,
    watermark: one.watermark.at,
    lagSeconds: one.watermark.lag_seconds,
    hour: one.latency.last_hour,
    day: one.latency.last_day,
    complete: one.watermark.complete,
    reason: one.watermark.reason_detail,
    elsewhere: elsewhere(one),
  };
}
