// The API of this page.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

export const target = meta("whk-target");

// True on the page of `whk serve`, and the speed of its waits; 1 for no waits at all.
export const isServer = meta("whk-kind") === "serve";
export const speed = Number(meta("whk-speed")) || 1;

// Calls the API; an error has the words of the server.
async function call(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (cause) {
    throw Object.assign(new Error("whk does not respond: it has stopped", { cause }), { isLost: true });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const hint = problem.hint ? ` (${problem.hint})` : "";
  throw new Error(`${problem.error?.message ?? problem.error ?? `status ${response.status}`}${hint}`);
}

const json = async (path, options) => (await call(path, options)).json();

const query = (parameters) => {
  const entries = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined);
  return new URLSearchParams(entries).toString();
};

export const list = (before, words, limit, signal) =>
  json(`/api/requests?${query({ before, q: words, limit, brief: 1 })}`, { signal });

export const record = (seq) => json(`/api/requests/${seq}`);
export const signature = (seq) => json(`/api/requests/${seq}/signature`);
export const attempts = (seq) => json(`/api/requests/${seq}/attempts`);
export const curl = async (seq) => (await call(`/api/requests/${seq}/curl`)).text();
export const har = async (seq) => (await call(`/api/requests/${seq}/har`)).blob();

export const replay = (seq, edits) =>
  json(`/api/requests/${seq}/replay`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-whk-token": meta("whk-token") },
    body: JSON.stringify(edits),
  });

// New requests from a number on. `onState` is called with true when the connection is there, with false when it is
// lost. The browser connects again by itself; `onRestart` is called if whk was started again meanwhile.
export function stream(after, words, { onRequest, onState, onRestart }) {
  const source = new EventSource(`/api/stream?${query({ after, q: words, brief: 1 })}`);
  let wasLost = false;
  source.onmessage = (event) => onRequest(JSON.parse(event.data));
  source.onopen = async () => {
    if (wasLost && !(await isSameRun().catch(() => true))) onRestart();
    else onState(true);
  };
  source.onerror = () => {
    wasLost = true;
    onState(false);
  };
  return () => source.close();
}

// Each run of whk has its own token, and counts requests from 1.
async function isSameRun() {
  return (await (await call("/")).text()).includes(`"${meta("whk-token")}"`);
}

// The server's own API: webhooks and deliveries.
export const webhooks = () => json("/_whk/webhooks?limit=1000");
export const webhook = (id) => json(`/_whk/webhooks/${encodeURIComponent(id)}`);
export const deliveries = (parameters) => json(`/_whk/deliveries?${query(parameters)}`);
export const delivery = (seq) => json(`/_whk/deliveries/${seq}`);

export const act = (path, body) =>
  json(`/_whk/${path}`, { method: "POST", headers: { "x-whk-token": meta("whk-token") }, body: body && JSON.stringify(body) });

// What changes after a number, by the names of the events.
export function changes(after, handlers) {
  const source = new EventSource(`/_whk/stream?${query({ after })}`);
  for (const [name, handle] of Object.entries(handlers)) source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  return () => source.close();
}
