// Keeps a page up to date: swaps the fragments that the server sends, lets ages count on, and says
// so when the server is lost. Nothing of it is needed to read a page.
"use strict";

(() => {
  const root = document.documentElement;
  const silentAfterMs = 1000 * Number(root.dataset.silentAfter);
  const isLive = root.dataset.link !== "still";
  const reloads = root.dataset.reload === "yes";
  const firstRetryMs = 2000;
  const maxRetryMs = 15000;

  // ---- time ------------------------------------------------------------------------------------

  // The server's time, carried on by this machine's clocks: the one that stands still while the
  // machine sleeps, or the one that people set, whichever went further. Nothing looks fresher than
  // it is.
  let known = { serverS: Number(root.dataset.now), tick: performance.now(), wall: Date.now() };

  const elapsedMs = () =>
    Math.max(0, performance.now() - known.tick, Date.now() - known.wall);
  const nowS = () => known.serverS + elapsedMs() / 1000;

  const clock = (options) => new Intl.DateTimeFormat("en-GB", options);
  const toSecond = clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const toMinute = clock({ hour: "2-digit", minute: "2-digit" });
  const toDay = clock({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const toYear = clock({ day: "numeric", month: "short", year: "numeric" });
  const whole = clock({ dateStyle: "medium", timeStyle: "long" });

  function span(seconds) {
    const units = [[2 * 365.25 * 86400, 365.25 * 86400, "years"], [172800, 86400, "days"],
      [3600, 3600, "h"], [60, 60, "min"]];
    for (const [from, length, unit] of units) {
      if (seconds >= from) return `${Math.floor(seconds / length)} ${unit}`;
    }
    return `${Math.floor(seconds)} s`;
  }

  function dated(then) {
    const today = new Date(nowS() * 1000);
    if (then.getFullYear() !== today.getFullYear()) return toYear.format(then);
    return toDay.format(then);
  }

  function wording(at, form) {
    const then = new Date(at * 1000);
    const age = nowS() - at;
    switch (form) {
      case "minute": return toMinute.format(then);
      case "day": return dated(then);
      case "for": return age < 0 ? "from now on" : `for ${span(age)}`;
      case "ago": return age < -2 ? `in ${span(-age)}` : `${span(Math.max(0, age))} ago`;
      default:
        return then.toDateString() === new Date(nowS() * 1000).toDateString()
          ? toSecond.format(then) : dated(then);
    }
  }

  function write(element) {
    const at = Number(element.dataset.at);
    const text = wording(at, element.dataset.form) + (element.dataset.tail ?? "");
    if (element.textContent !== text) element.textContent = text;
    if (element.tagName === "TIME" && !element.title) {
      element.title = whole.format(new Date(at * 1000));
    }
  }

  const writeTimes = (within) => within.querySelectorAll("[data-at]").forEach(write);

  // ---- fragments -------------------------------------------------------------------------------

  const held = new Map(); // fragments that wait, for somebody is using a form in them
  const focusable = "a, button, summary, select, input";

  function parse(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }

  function swap(id, html) {
    const old = document.getElementById(id);
    if (old === null) return null;
    const focus = document.activeElement;
    const hasFocus = focus !== null && focus !== document.body && old.contains(focus);
    const isOpen = old.querySelector("details[open]") !== null;
    if (old.hasAttribute("data-holds") && (hasFocus || isOpen)) {
      held.set(id, html);
      return old;
    }
    held.delete(id);
    const fresh = parse(html);
    keepImages(old, fresh);
    writeTimes(fresh);
    const place = hasFocus ? [...old.querySelectorAll(focusable)].indexOf(focus) : -1;
    old.replaceWith(fresh);
    fresh.querySelectorAll(focusable)[place]?.focus({ preventScroll: true });
    return fresh;
  }

  // An image that stays is the same element: it neither flickers nor loads again.
  function keepImages(old, fresh) {
    const there = new Map([...old.querySelectorAll("img")].map((img) => [img.src, img]));
    for (const img of fresh.querySelectorAll("img")) {
      const same = there.get(img.src);
      if (same?.complete && same.naturalWidth > 0) img.replaceWith(same);
    }
  }

  function order(list, ids, fragments) {
    const there = new Map([...list.children].map((child) => [child.id, child]));
    ids.forEach((id, index) => {
      let child = there.get(id);
      if (child === undefined && id in fragments) {
        child = parse(fragments[id]);
        writeTimes(child);
      }
      if (child !== undefined && list.children[index] !== child) {
        list.insertBefore(child, list.children[index] ?? null);
      }
    });
    const wanted = new Set(ids);
    [...list.children].filter((child) => !wanted.has(child.id)).forEach((child) => child.remove());
  }

  function take(news) {
    known = { serverS: news.now, tick: performance.now(), wall: Date.now() };
    root.toggleAttribute("data-blind", news.blind);
    for (const [id, html] of Object.entries(news.fragments)) swap(id, html);
    if (reloads && !news.blind) {
      location.reload();
      return;
    }
    for (const [id, ids] of Object.entries(news.lists ?? {})) {
      const list = document.getElementById(id);
      if (list !== null) order(list, ids, news.fragments);
    }
    if (news.title) document.title = `${news.title} · Beltmark`;
    link("live");
  }

  function takeHeld() {
    for (const [id, html] of [...held]) swap(id, html);
  }

  // ---- forms -----------------------------------------------------------------------------------

  // A form that says so is sent without leaving the page; the answer is news of it, even where it
  // is a refusal.
  async function sendQuietly(form, button) {
    const fields = new URLSearchParams(new FormData(form, button));
    form.inert = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: fields, headers: { Accept: "application/json" },
      });
      const news = await answer.json().catch(() => null);
      if (news === null) location.reload();  // what came of it, the page itself tells
      else take(news);
    } catch { /* the server is away: the page says so by itself */ } finally {
      form.inert = false;
    }
  }

  // ---- the link to the server ------------------------------------------------------------------

  let source = null;
  let askedAt = 0;
  let retryMs = firstRetryMs;
  let retry = 0;

  function link(state) {
    if (state === "live" && ["lost", "returning"].includes(root.dataset.link)) {
      // A film that was cut off does not go on by itself.
      for (const film of document.querySelectorAll("img[data-stream]")) film.src = `${film.src}`;
    }
    if (root.dataset.link !== state) root.dataset.link = state;
    const told = document.getElementById("link-told");
    const lost = document.getElementById("lost");
    const server = toSecond.format(new Date(known.serverS * 1000));
    told.textContent = {
      live: `live ${server}`, waiting: "connecting…", returning: "connecting…",
    }[state] ?? `lost for ${span(elapsedMs() / 1000)}`;
    lost.hidden = state !== "lost";
    if (state === "lost" && !lost.dataset.since) {
      lost.dataset.since = server;
      lost.textContent = "";
      const strong = document.createElement("strong");
      strong.textContent = lost.dataset.what;
      lost.append(strong, ` It is how things were at ${server}. ${lost.dataset.mend}`);
    }
    if (state !== "lost") delete lost.dataset.since;
  }

  function connect() {
    disconnect();
    askedAt = performance.now();
    source = new EventSource(`/events?page=${encodeURIComponent(root.dataset.page)}`);
    source.addEventListener("page", (event) => {
      retryMs = firstRetryMs;
      take(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      // A cut connection is taken up again by the browser itself; an answer that is none, by us.
      if (source?.readyState === EventSource.CLOSED) {
        disconnect();
        retry = setTimeout(comeBack, retryMs);
        retryMs = Math.min(2 * retryMs, maxRetryMs);
      }
    });
  }

  function disconnect() {
    clearTimeout(retry);
    source?.close();
    source = null;
  }

  // Whoever was signed out meanwhile is sent to the sign-in page.
  async function comeBack() {
    try {
      const answer = await fetch(location.href, {
        redirect: "manual", headers: { Accept: "text/html" }, cache: "no-store",
      });
      if (answer.type === "opaqueredirect") {
        location.reload();
        return;
      }
    } catch { /* it is not there yet */ }
    if (!document.hidden) connect();
  }

  function tick() {
    writeTimes(document);
    if (!isLive) return;
    const isPatient = root.dataset.link === "returning"
      && performance.now() - askedAt < silentAfterMs;
    if (elapsedMs() > silentAfterMs && !isPatient) link("lost");
  }

  // ---- begin -----------------------------------------------------------------------------------

  writeTimes(document);
  setInterval(tick, 1000);
  document.addEventListener("submit", (event) => {
    if (!("quiet" in event.target.dataset)) return;
    event.preventDefault();
    sendQuietly(event.target, event.submitter);
  });
  document.addEventListener("focusout", () => setTimeout(takeHeld));
  document.addEventListener("toggle", () => setTimeout(takeHeld), true);
  document.addEventListener("error", (event) => {
    if (event.target instanceof HTMLImageElement) event.target.classList.add("is-missing");
  }, true);
  for (const image of document.images) {  // those that failed before this script ran
    if (image.complete && !image.naturalWidth) image.classList.add("is-missing");
  }
  if (isLive) {
    link("waiting");
    connect();
    document.addEventListener("visibilitychange", () => {
      // A browser has few connections to a server: tabs that nobody looks at leave theirs.
      if (document.hidden) {
        disconnect();
      } else {
        if (elapsedMs() > silentAfterMs) link("returning");
        connect();
        tick();
      }
    });
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) location.reload();
    });
  }
})();
