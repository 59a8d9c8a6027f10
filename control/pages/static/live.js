// A page that follows what it shows: when it has changed, each part becomes what the server says of it now.
// What the reader has done to the page stays: focus, opened tables, charts.

const OF_THE_READER = new Set(["class", "hidden", "open"]); // attributes that scripts and readers set
const [FIRST_MS, LONGEST_MS] = [3_000, 60_000]; // before a stream that was refused is asked for again

/** Follow the changes of the page's [data-live]; after: called when it was renewed. */
export function follow(after) {
  let stream = null;
  let timer = 0;
  let wait = FIRST_MS;
  let asked = 0;
  const renewed = async () => {
    const question = ++asked;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer || answer.status >= 500) return later();
    if (!answer.ok || answer.redirected) return leave();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
    if (!fresh || question !== asked) return; // what was asked later is newer
    become(document.querySelector("[data-live]"), fresh);
    await renewCharts();
    after();
  };
  const join = () => {
    const query = new URLSearchParams(location.search);
    query.set("seen", document.querySelector("[data-live]").dataset.live); // what changed since the page was made shows too
    stream = new EventSource(`${location.pathname}/live?${query}`);
    stream.addEventListener("changed", renewed);
    stream.addEventListener("open", () => (wait = FIRST_MS));
    // A browser joins again by itself where the connection broke, and never where it was refused (WHATWG HTML 9.2.3).
    stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && later());
  };
  const leave = () => {
    clearTimeout(timer);
    stream?.close();
  };
  const later = () => {
    leave();
    timer = setTimeout(again, wait * (0.75 + Math.random() / 2)); // not all pages at once
    wait = Math.min(wait * 2, LONGEST_MS);
  };
  // A stream does not say why it was refused: asked without one, the server does.
  const again = async () => {
    const answer = await fetch(`${location.pathname}/live${location.search}`, { method: "HEAD" }).catch(() => null);
    if (!answer || answer.status >= 500) return later();
    if (answer.ok && !answer.redirected) join();
  };
  // A browser has six connections to a host: a page in the background gives its own back, and catches up afterwards.
  document.addEventListener("visibilitychange", () => {
    leave();
    wait = FIRST_MS;
    if (!document.hidden) join();
  });
  addEventListener("pagehide", leave);
  join();
}

/** Make a node what the fresh one is, by as few changes as there are. Elements with data-kept belong to scripts. */
function become(node, fresh) {
  if (node.isEqualNode(fresh) || node.dataset?.kept !== undefined) return;
  if (node.nodeName !== fresh.nodeName || node.nodeType !== fresh.nodeType) return node.replaceWith(fresh);
  if (node.nodeType !== Node.ELEMENT_NODE) return void (node.data = fresh.data);
  takeAttributes(node, fresh);
  const [old, now] = [[...node.childNodes], [...fresh.childNodes]];
  now.forEach((child, place) => (old[place] ? become(old[place], child) : node.append(child)));
  old.slice(now.length).forEach((child) => child.remove());
}

function takeAttributes(node, fresh) {
  for (const { name } of [...node.attributes])
    if (!fresh.hasAttribute(name) && !OF_THE_READER.has(name)) node.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (!OF_THE_READER.has(name) && node.getAttribute(name) !== value) node.setAttribute(name, value);
}

async function renewCharts() {
  const figures = document.querySelectorAll("[data-live] [data-chart]");
  if (!figures.length) return;
  const { update } = await import("./chart.js");
  for (const figure of figures) update(figure.dataset.chart, JSON.parse(figure.querySelector("[data-option]").textContent));
}
