// The page: the list, the chosen request, the search box, keys, and what is announced.

import * as api from "./api.mjs";
import { RequestList } from "./list.mjs";
import { Provider } from "./provider.mjs";
import { RequestRegion } from "./request.mjs";
import { el, oneLine, statusOf, typeOf } from "./text.mjs";

// Requests that are loaded at once, and the most that are kept in the browser.
const PART = 500;
const MOST = 100_000;

// The part of an event type that is announced.
const LONGEST_ANNOUNCED = 60;

const status = el("p", { role: "status", class: "say" });
const connection = el("span", { class: "connection", text: "connecting" });
const search = el("input", { type: "search", name: "q", "aria-label": "Filter", "aria-describedby": "search-problem", placeholder: "Filter requests: invalid type:message.* where:data.id=7 text", autocomplete: "off", spellcheck: "false" });
const problem = el("p", { id: "search-problem", class: "problem", hidden: true });
const empty = el("p", { class: "empty", hidden: true });

const list = new RequestList("Requests", { load: loadOlder, choose });
const region = new RequestRegion({ say, close, choose, compare, changed: writeFragment });

const provider = api.isServer
  ? new Provider({
      say,
      opened: () => {
        region.hide();
        list.show(null);
        comparing = null;
        showRegion(true);
        writeFragment();
      },
      closed: () => {
        showRegion(false);
        writeFragment();
      },
      chooseRequest: (seq) => choose(seq),
    })
  : null;

let words = "";
let older = false;
let loading = null;
let stop = () => {};
let comparing = null;

function say(text) {
  status.textContent = oneLine(text);
}

// Announces at most one arrival a second: a screen reader reads each one.
const arrivals = { count: 0, last: null, timer: null };

function announce(record) {
  arrivals.count += 1;
  arrivals.last = record;
  arrivals.timer ??= setTimeout(() => {
    const { count, last } = arrivals;
    Object.assign(arrivals, { count: 0, last: null, timer: null });
    const one = `${typeOf(last).slice(0, LONGEST_ANNOUNCED)}, ${last.verdict?.status ?? "unchecked"}, status ${statusOf(last)}`;
    say(count === 1 ? `New request: ${one}` : `${count} new requests; the last one: ${one}`);
  }, 1000);
}

function setConnected(connected) {
  connection.textContent = connected ? (provider ? "serving" : "listening") : "not connected";
  connection.classList.toggle("bad", !connected);
}

function showEmpty() {
  empty.hidden = list.items.length > 0;
  const none = provider ? "No request was sent yet." : `Waiting for requests at ${api.target}`;
  empty.textContent = words ? "No request matches the filter." : none;
}

let pending = [];

// Takes new requests in one go for each frame.
function receive(record) {
  if (pending.push(record) > 1) return;
  queueMicrotask(() => {
    const records = pending;
    pending = [];
    list.add(records);
    if (list.items.length > MOST) {
      list.items.splice(0, list.items.length - MOST + PART);
      older = true;
    }
    announce(records.at(-1));
    arrivals.count += records.length - 1;
    showEmpty();
  });
}

// Loads the newest requests that match, and follows.
async function load() {
  loading?.abort();
  const current = new AbortController();
  loading = current;
  stop();
  problem.hidden = true;
  search.removeAttribute("aria-invalid");
  try {
    let [before, found, newest] = [Number.MAX_SAFE_INTEGER, [], null];
    do {
      const part = await api.list(before, words, PART, current.signal);
      newest ??= part.newest ?? part.requests[0]?.seq ?? 0;
      found = found.concat(part.requests);
      before = part.next;
    } while (before !== null && found.length < PART);
    older = before;
    list.reset(found.reverse());
    stop = api.stream(newest, words, { onRequest: receive, onState: setConnected, onRestart: () => location.reload() });
  } catch (error) {
    if (current.signal.aborted) return;
    problem.textContent = error.message;
    problem.hidden = false;
    search.setAttribute("aria-invalid", "true");
    if (error.isLost) setConnected(false);
  }
  if (loading === current) loading = null;
  showEmpty();
}

async function loadOlder() {
  if (loading || older === null || older === false) return;
  const current = new AbortController();
  loading = current;
  try {
    const before = typeof older === "number" ? older : list.items[0].seq;
    const part = await api.list(before, words, PART, current.signal);
    older = part.next;
    list.addOlder(part.requests.reverse());
  } catch (error) {
    if (!current.signal.aborted) say(error.message);
  } finally {
    if (loading === current) loading = null;
  }
}

// Opens a request; with Shift, or while one waits for it, compares it with the open one.
function choose(seq, event) {
  provider?.hide();
  const first = comparing ?? (event?.shiftKey ? region.seq : null);
  if (first !== null && first !== seq) {
    comparing = null;
    list.show(seq);
    region.showComparison(first, seq);
  } else {
    comparing = null;
    list.show(seq);
    region.show(seq);
  }
  showRegion(true);
  writeFragment();
}

// Shows the region beside the list, or instead of it where there is no room; while a second request is chosen, the list.
function showRegion(open, choosing = false) {
  document.body.classList.toggle("open", open);
  document.body.classList.toggle("choosing", choosing);
  list.relayout();
}

function compare(seq) {
  comparing = seq;
  showRegion(true, true);
  list.activate(list.find(seq) ? seq : (list.active ?? list.at(0)?.seq ?? null));
  say(`Choose the request to compare with No. ${seq}`);
}

function close() {
  if (provider?.close()) return;
  const { seq } = region;
  comparing = null;
  region.hide();
  list.show(null);
  showRegion(false);
  writeFragment();
  if (list.find(seq)) list.activate(seq);
  else search.focus();
}

// The fragment keeps the chosen request, its tab and the filter, so that a reload shows the same.
function writeFragment() {
  const parts = [];
  if (region.seq !== null) parts.push(`${region.seq}/${region.tab.toLowerCase()}`);
  if (provider?.fragment) parts.push(provider.fragment);
  if (words) parts.push(`q=${encodeURIComponent(words)}`);
  history.replaceState(null, "", parts.length > 0 ? `#${parts.join("&")}` : location.pathname);
}

function readFragment() {
  const found = { seq: null, tab: "Body", words: "", other: "" };
  for (const part of location.hash.slice(1).split("&")) {
    const [, seq, tab] = /^(\d{1,15})(?:\/([a-z]+))?$/.exec(part) ?? [];
    if (!isDecodable(part)) continue;
    if (seq) Object.assign(found, { seq: Number(seq), tab: tab ? tab[0].toUpperCase() + tab.slice(1) : "Body" });
    else if (part.startsWith("q=")) found.words = decodeURIComponent(part.slice(2));
    else found.other = part;
  }
  return found;
}

// A link that someone cut short has no filter, rather than no page.
function isDecodable(part) {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

const isTextField = (element) => element?.matches?.("input, textarea, select, [contenteditable]");

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return escape(event);
  if (isTextField(event.target)) {
    if (event.target === search && event.key === "ArrowDown") moveBy(1, event);
    return;
  }
  const inPanel = event.target.closest?.(".panel, pre, summary");
  if (event.key === "j" || (event.key === "ArrowDown" && !inPanel)) moveBy(1, event);
  else if (event.key === "k" || (event.key === "ArrowUp" && !inPanel)) moveBy(-1, event);
  else if (event.key === "Enter" && event.target.closest?.(".row")) open(event);
  else if (event.key === "/") focusSearch(event);
  else if (event.key === "r") replay(event);
  else if (event.key === "c" && region.seq !== null) {
    event.preventDefault();
    compare(region.seq);
  }
}

function moveBy(by, event) {
  event.preventDefault();
  const seq = list.move(by);
  if (seq !== null && region.seq !== null && comparing === null) {
    list.show(seq);
    region.show(seq);
    writeFragment();
  }
}

async function open(event) {
  event.preventDefault();
  choose(list.active);
  region.element.focus();
}

function focusSearch(event) {
  event.preventDefault();
  search.focus();
  search.select();
}

async function replay(event) {
  const seq = region.seq ?? list.active;
  if (seq === null) return;
  event.preventDefault();
  if (region.seq === null || region.record?.seq !== seq) {
    provider?.hide();
    list.show(seq);
    showRegion(true);
    await region.show(seq);
    writeFragment();
  }
  region.openForm();
}

function escape(event) {
  if (event.target === search && search.value) {
    search.value = "";
    filter();
  } else if (region.closeForm()) {
    // The form was open.
  } else if (region.seq !== null || provider?.isOpen) {
    close();
  } else {
    return;
  }
  event.preventDefault();
}

let timer = null;

function filter() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (words === search.value.trim()) return;
    words = search.value.trim();
    writeFragment();
    load();
  }, 150);
}

// The lists: that of the requests, below those of a provider.
function lists() {
  if (!provider) return [list.element, empty];
  const requests = el("section", { class: "part", "aria-label": "List of requests" }, el("h2", { text: "Requests" }), el("div", { class: "holder" }, list.element, empty));
  return [provider.webhooks.element, provider.deliveries.element, requests];
}

async function start() {
  document.body.classList.toggle("server", api.isServer);
  document.body.append(
    el(
      "header",
      { class: "top" },
      el("h1", { text: "whk" }),
      el("p", { class: "target" }, connection, el("span", { class: "address", text: ` ${api.target}` })),
      el("div", { role: "search", class: "search" }, search, problem),
    ),
    el("main", {}, el("div", { class: "left" }, ...lists()), region.element, provider?.detail.element ?? ""),
    el("footer", {}, status, el("p", { class: "keys", text: "j k move · Enter open · / filter · r replay · c compare · Esc close" })),
  );
  document.addEventListener("keydown", onKey);
  search.addEventListener("input", filter);
  addEventListener("hashchange", () => {
    const { seq, tab, other } = readFragment();
    if (seq !== null && seq !== region.seq) restore(seq, tab);
    else provider?.restore(other);
  });
  const { seq, tab, words: given, other } = readFragment();
  words = given;
  search.value = given;
  const loaded = load();
  provider?.load().then(() => provider.mark());
  provider?.restore(other);
  if (seq !== null) restore(seq, tab);
  await loaded;
  if (seq !== null) list.show(seq);
}

function restore(seq, tab) {
  provider?.hide();
  showRegion(true);
  list.show(seq);
  region.show(seq, tab);
}

start();
