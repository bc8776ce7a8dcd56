/* The API, through the server that signs for this page. */

export class Problem extends Error {
  constructor(status, body) {
    const type = (body.type || "").split(":").pop();
    const older = type === "not-found" ? "It has no such route; deploy the present version." : null;
    super(older || body.detail || body.title || `The API answers ${status}.`);
    this.status = status;
    this.type = type;
  }
}

export async function get(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const address = `v1/${path.map(encodeURIComponent).join("/")}?${query}`;
  let answer;
  try {
    answer = await fetch(address, { signal, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "s3rt open has ended. Start it again and use its new address." });
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, body);
  return body;
}

/** Plans, starts or cancels; the server lets nothing else through. */
export async function change(method, path, body = {}) {
  let answer;
  try {
    answer = await fetch(`v1/${path.map(encodeURIComponent).join("/")}`, {
      method,
      cache: "no-store",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, { detail: "s3rt open has ended. Start it again and use its new address." });
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, found);
  return found;
}

/** Everything of a list that is short by its nature (buckets, incidents). */
export async function all(path, parameters = {}) {
  const items = [];
  let cursor = null;
  let complete = true;
  do {
    const page = await get(path, { ...parameters, cursor });
    items.push(...page.items);
    complete &&= page.complete;
    cursor = page.next_cursor;
  } while (cursor !== null);
  return { items, complete };
}
