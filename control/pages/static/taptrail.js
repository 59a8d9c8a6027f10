// What every page does beyond its HTML. Everything on a page works without this file; charts are drawn by chart.js.

/** Say something in the corner of the page, and to a screen reader. kind: "" or "bad". */
export function say(text, kind = "") {
  const toast = document.createElement("p");
  toast.className = `toast ${kind}`;
  toast.textContent = text;
  document.getElementById("status").append(toast);
  setTimeout(() => toast.remove(), 8000);
}

/** Call the API as who is signed in; gives the answer as JSON (null for none). Throws an Error that says why not. */
export async function call(method, path, body, headers = {}) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  const text = await answer.text();
  const json = text && (answer.headers.get("Content-Type") ?? "").includes("json") ? JSON.parse(text) : null;
  if (!answer.ok) throw Object.assign(new Error(json?.detail ?? `The server answered ${answer.status}.`), { problem: json });
  return json;
}

/** Open a <dialog>; resolves to the value of the button that closed it, "" for Escape. */
export function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
}

function showTimesHere() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const time of document.querySelectorAll("time[datetime]")) {
    const here = new Date(time.dateTime);
    if (!Number.isNaN(here.valueOf())) time.title = `${here.toLocaleString()} (${zone})`;
  }
}

function sendFiltersAtOnce() {
  for (const select of document.querySelectorAll("form.filters[data-at-once] select"))
    select.addEventListener("change", () => select.form.requestSubmit());
}

for (const warning of document.querySelectorAll("[data-insecure]")) warning.hidden = window.isSecureContext;
showTimesHere();
sendFiltersAtOnce();
if (document.querySelector("[data-live]")) import("./live.js").then(({ follow }) => follow(showTimesHere));
if (document.querySelector("[data-chart]")) {
  // After the first paint: the page is read before its charts are there.
  requestAnimationFrame(() => setTimeout(async () => (await import("./chart.js")).drawAll(), 0));
}
