// Keeps the page current: asks for it again when the monitor says that something changed, at most once a second, and
// every ten seconds in any case, and puts in what is different. Without this script the page is the same, only still.
"use strict";

(() => {
  const LEAST_BETWEEN = 1000;
  const AT_LEAST_EVERY = 10000;
  const ANSWER_WITHIN = 8000;
  const STALE_AFTER = 20000;

  const root = document.documentElement;
  const live = document.getElementById("live");
  const pause = document.getElementById("pause");
  const stale = document.getElementById("stale");
  const icon = document.querySelector("link[rel=icon]");

  // What the monitor said last for the tab.
  let title = document.title;
  let badge = icon.getAttribute("href");

  // Instants are the monitor's; the reader's clock may be wrong.
  let ahead = Number(document.body.dataset.now) - Date.now() / 1000;
  let answered = Date.now();
  let resumed = 0;
  let asked = 0;
  let asking = false;
  let again = false;
  let timer = null;
  let paused = false;
  let connected = false;

  const now = () => Date.now() / 1000 + ahead;

  // The same words as the monitor's own: the two largest units.
  function duration(seconds) {
    let rest = Math.max(0, Math.round(seconds));
    const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]].map(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return [count, unit];
    });
    const found = parts.findIndex(([count]) => count > 0);
    const first = found < 0 ? parts.length - 1 : found;
    return parts
      .slice(first, first + 2)
      .filter(([count]) => count > 0 || first === parts.length - 1)
      .map(([count, unit]) => `${count} ${unit}`)
      .join(" ");
  }

  const pad = (number) => String(number).padStart(2, "0");

  function localTime(at) {
    const when = new Date(at * 1000);
    const today = new Date(now() * 1000);
    const time = `${pad(when.getHours())}:${pad(when.getMinutes())}:${pad(when.getSeconds())}`;
    if (when.toDateString() === today.toDateString()) return time;
    return `${when.getFullYear()}-${pad(when.getMonth() + 1)}-${pad(when.getDate())} ${time}`;
  }

  function put(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  function tick() {
    const present = now();
    for (const element of document.querySelectorAll("time[data-at]")) {
      const at = Number(element.dataset.at);
      const apart = duration(Math.abs(at - present));
      put(element.querySelector(".ago"), at > present ? `in ${apart}` : `${apart} ago`);
      put(element.querySelector(".abs"), localTime(at));
      if (element.title) element.title = `${localTime(at)} (${element.dateTime})`;
    }
    for (const element of document.querySelectorAll("text[data-at]")) {
      const when = new Date(Number(element.dataset.at) * 1000);
      const midnight = when.getHours() === 0 && when.getMinutes() === 0;
      const day = `${pad(when.getMonth() + 1)}-${pad(when.getDate())}`;
      const time = `${pad(when.getHours())}:${pad(when.getMinutes())}`;
      put(element, element.hasAttribute("data-dated") ? `${day} ${time}` : midnight ? day : time);
    }
    // After a pause the monitor gets as long to answer as after an answer.
    const silent = Date.now() - Math.max(answered, resumed);
    const isStale = silent > STALE_AFTER && !paused;
    root.toggleAttribute("data-stale", isStale);
    stale.hidden = !isStale;
    if (isStale && !stale.textContent) {
      put(stale, `The monitor has not answered since ${localTime(answered / 1000 + ahead)}. What you see may be out of date.`);
    } else if (!isStale) {
      put(stale, "");
    }
    const [tab, image] = isStale ? ["Not answering · connext-monitor", icon.dataset.stale] : [title, badge];
    if (document.title !== tab) document.title = tab;
    if (icon.getAttribute("href") !== image) icon.setAttribute("href", image);
    put(live, paused ? "Paused at" : isStale ? "Not answering since" : connected ? "Live, as of" : "As of");
  }

  // Turns one tree into the other by changing only what differs, so that focus, selection and open parts stay.
  function morph(have, want) {
    for (const { name } of [...have.attributes]) {
      if (!want.hasAttribute(name) && !(name === "open" && have.localName === "details")) have.removeAttribute(name);
    }
    for (const { name, value } of [...want.attributes]) {
      if (have.getAttribute(name) !== value) have.setAttribute(name, value);
    }
    morphChildren(have, want);
  }

  const keyOf = (node) => (node.nodeType === 1 ? node.id || node.getAttribute("data-key") || "" : "");

  const alike = (node, other) =>
    node.nodeType === other.nodeType && node.nodeName === other.nodeName && keyOf(node) === keyOf(other);

  function morphChildren(have, want) {
    const keyed = new Map();
    for (const child of have.children) if (keyOf(child)) keyed.set(keyOf(child), child);
    let current = have.firstChild;
    for (const fresh of [...want.childNodes]) {
      const key = keyOf(fresh);
      let match = key ? keyed.get(key) : current;
      if (match && !alike(match, fresh)) match = null;
      if (!match) {
        have.insertBefore(document.importNode(fresh, true), current);
        continue;
      }
      if (match === current) current = current.nextSibling;
      else have.insertBefore(match, current);
      if (match.nodeType === 1) morph(match, fresh);
      else if (match.nodeValue !== fresh.nodeValue) match.nodeValue = fresh.nodeValue;
    }
    while (current) {
      const next = current.nextSibling;
      current.remove();
      current = next;
    }
  }

  function take(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const moment = Number(fresh.body.dataset.now);
    if (!moment) return;
    ahead = moment - Date.now() / 1000;
    answered = Date.now();
    title = fresh.title;
    badge = fresh.querySelector("link[rel=icon]").getAttribute("href");
    root.dataset.level = fresh.documentElement.dataset.level;
    for (const id of ["summary", "main"]) morph(document.getElementById(id), fresh.getElementById(id));
    const clock = document.querySelector(".asof time");
    clock.dataset.at = moment;
    clock.dateTime = new Date(moment * 1000).toISOString();
    tick();
  }

  async function ask() {
    if (asking || paused) return;
    asking = true;
    again = false;
    asked = Date.now();
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_WITHIN) });
      if (answer.headers.get("Content-Type")?.startsWith("text/html")) take(await answer.text());
    } catch {
      // What is not answered shows as stale.
    }
    asking = false;
    schedule(again ? 0 : AT_LEAST_EVERY);
  }

  // Asks after `wait` at the latest, and no sooner than a second after the last time.
  function schedule(wait) {
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(wait, asked + LEAST_BETWEEN - Date.now()));
  }

  // What is told while an answer is on its way may not be in it.
  function changed() {
    again = true;
    schedule(0);
  }

  function listen() {
    const events = new EventSource("/api/v1/events");
    for (const name of ["transfer", "alert", "reset"]) events.addEventListener(name, changed);
    events.onopen = () => {
      connected = true;
      tick();
    };
    events.onerror = () => {
      connected = false;
      schedule(0);
      // A refusal closes it for good; a lost connection it mends itself.
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, AT_LEAST_EVERY);
    };
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) {
      resumed = Date.now();
      ask();
    }
    tick();
  });

  root.dataset.script = "on";
  tick();
  setInterval(tick, 1000);
  listen();
  schedule(AT_LEAST_EVERY);
})();
