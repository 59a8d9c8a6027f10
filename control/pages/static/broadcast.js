// The page of one broadcast where things are done to it: contacts, verification, fixes, stop.

import { at, change, clear, guarded, localTime, many, momentOf, onSubmit, reloadSaying, sure, tell } from "./doing.js";
import { headerOf, lines, send } from "./contacts.js";
import { showMade, showRun } from "./results.js";

const root = document.getElementById("broadcast");
const { broadcast, version, phones } = root.dataset;
const path = `/v1/broadcasts/${encodeURIComponent(broadcast)}`;
const part = (id) => document.getElementById(id);

// contacts

const upload = part("upload");
let off = null;

function columns() {
  const column = upload.elements.column.value;
  return column ? { map: `contact_id=${column}` } : {};
}

async function offerColumns() {
  const [file] = upload.elements.file.files;
  const header = file ? await headerOf(file) : [];
  const named = header.some((cell) => /^contact[^a-z0-9]+id$/i.test(cell));
  part("column-part").hidden = named || header.length === 0;
  upload.elements.column.replaceChildren(...(named ? [] : header).map((cell) => new Option(cell)));
  part("result").replaceChildren();
  clear(upload);
}

function progress(text, share) {
  part("progress-part").hidden = text === "";
  part("progress-text").textContent = text;
  if (share === null) part("progress").removeAttribute("value");
  else part("progress").value = share;
}

/** One thing with the file at a time, which can be broken off. */
async function withFile(act) {
  off = new AbortController();
  part("break-off").hidden = false;
  await guarded(upload, () => act(upload.elements.file.files[0], off.signal));
  part("break-off").hidden = true;
  progress("", 0);
}

async function check(file, signal) {
  part("result").replaceChildren();
  const query = { ...columns(), dry_run: "true", skip_bad: "true" };
  const onProgress = (share) => progress(share < 1 ? `Sending: ${Math.floor(share * 100)} %` : "Checking every line", share < 1 ? share : null);
  onProgress(0);
  const what = upload.dataset.what;
  if (what === "messages") query.missing = "skip";
  const run = await send(at(`${path}/${what}`, query), file, signal, onProgress);
  showRun(part("result"), run, what, () => withFile((again, stop) => make(again, run, stop)));
}

async function make(file, run, signal) {
  const what = upload.dataset.what;
  const expected = what === "messages" ? run.messages : run.new + run.existing;
  const query = { ...columns(), ...(run.skipped === 0 ? {} : { skip_bad: "true" }), ...(what === "messages" && run.skipped ? { missing: "skip" } : {}) };
  const headers = { "Content-Type": "text/csv", "Idempotency-Key": await keyOf(file, query) };
  const pieces = ["\ufeff", what === "messages" ? "contact_id,text\r\n" : "contact_id,short_url\r\n"];
  const bad = [];
  let count = 0;
  progress("Making", 0);
  try {
    for await (const some of lines(at(`${path}/${what}`, query), file, headers, signal)) {
      for (const line of some) if (line.error) bad.push(line);
      const good = some.filter((line) => line.contact_id !== undefined);
      const broken = some.find((line) => line.detail);
      if (broken) throw new Error(broken.detail);
      pieces.push(good.map((line) => `${cell(line.contact_id)},${cell(line.text ?? line.short_url)}\r\n`).join(""));
      count += good.length;
      progress(`${count.toLocaleString("en")} of ${expected.toLocaleString("en")}`, Math.min(1, count / Math.max(expected, 1)));
    }
  } catch (error) {
    const reason = error.problem ? error.message : signal.aborted ? "Broken off" : "The answer was cut off";
    const after = count ? ` after ${many(count, what === "messages" ? "message" : "link")}; make them again, each contact keeps its links.` : ".";
    throw Object.assign(new Error(`${reason}${error.problem ? "" : after}`), { problem: error.problem });
  }
  showMade(part("result"), new Blob(pieces, { type: "text/csv" }), `${broadcast}.csv`, count, bad, what);
}

function cell(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The same for the same file, read the same way: an answer that was cut off is asked for again, and gives the same links. */
async function keyOf(file, query) {
  const about = new TextEncoder().encode(`${broadcast} ${file.name} ${file.size} ${file.lastModified} ${JSON.stringify(query)}`);
  if (!crypto.subtle) return `page-${file.size}-${file.lastModified}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", about));
  return `page-${[...digest.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

if (upload) {
  upload.elements.file.addEventListener("change", offerColumns);
  upload.elements.column.addEventListener("change", () => part("result").replaceChildren());
  upload.addEventListener("submit", (event) => {
    event.preventDefault();
    withFile(check);
  });
  part("break-off").addEventListener("click", () => off?.abort());
}

// verify

const verify = part("verify");
const KINDS = { fail: "bad", unsure: "warn", warn: "warn" };
const VERDICTS = { pass: "Nothing stands against sending it.", fail: "Do not send it before this is mended.", unsure: "Some of it could not be told from here." };

function finding(one) {
  const item = document.createElement("li");
  item.className = `notice ${KINDS[one.outcome]}`;
  const name = document.createElement("strong");
  name.textContent = `${one.outcome}: ${one.check} `;
  const detail = document.createElement("bdi");
  detail.textContent = one.detail;
  item.append(name, detail);
  for (const example of (one.examples ?? []).slice(0, 5)) {
    const line = document.createElement("bdi");
    line.textContent = example;
    item.append(document.createElement("br"), line);
  }
  return item;
}

async function verified(given, signal) {
  const body = JSON.stringify({ sample: given.has("all") ? "all" : 200, fetch: given.has("fetch") });
  part("findings").replaceChildren();
  part("verify-said").textContent = "Looking…";
  let verdict = null;
  for await (const some of lines(at(`${path}/verify`, { progress: "true" }), body, { "Content-Type": "application/json" }, signal)) {
    for (const one of some) {
      if (one.detail && !one.outcome) throw new Error(one.detail);
      if (one.of !== undefined) part("verify-said").textContent = `${one.asked.toLocaleString("en")} of ${many(one.of, "link")} asked for`;
      if (one.outcome) part("findings").append(finding(one));
      verdict = one.verdict ? one : verdict;
    }
  }
  if (!verdict) throw new Error("The answer was cut off before the verdict; verify again.");
  const { links_asked, destinations_fetched } = verdict.counts;
  part("verify-said").textContent = `${VERDICTS[verdict.verdict]} ${many(links_asked, "link")} asked for, ${many(destinations_fetched, "destination")} opened.`;
}

if (verify) {
  let stop = null;
  onSubmit(verify, async (given) => {
    stop = new AbortController();
    part("verify-off").hidden = false;
    try {
      await verified(given, stop.signal);
    } catch (error) {
      part("verify-said").textContent = "";
      throw stop.signal.aborted ? new Error("Broken off.") : error;
    } finally {
      part("verify-off").hidden = true;
    }
  });
  part("verify-off").addEventListener("click", () => stop?.abort());
}

// fix, stop

const until = part("end");
const links_of = phones.startsWith("0 ") ? "No phone has a link of it yet." : `${phones} ${phones === "1 phone" ? "has" : "have"} a link of it.`;

for (const form of document.querySelectorAll("form.fix[data-index]")) {
  onSubmit(form, async (given) => {
    const to = given.get("to").trim();
    const was = form.elements.to.dataset.was;
    if (to === was) throw new Error("This is where it leads already.");
    const text = `${links_of} From now on they lead to ${to}, no longer to ${was}.`;
    if (!(await sure("Change where links lead?", text, `Change it for ${phones}`))) return;
    await change("PATCH", at(`${path}/destinations/${form.dataset.index}`), { to }, version);
    reloadSaying("Changed; in force within a second.");
  });
}

if (until) {
  const ms = Number(until.elements.expires_at.dataset.ms);
  if (ms) until.elements.expires_at.value = localTime(ms);
  onSubmit(until, async (given) => {
    const expires_at = momentOf(given.get("expires_at"));
    const end = expires_at ? `end at ${new Date(expires_at).toLocaleString()}` : "live for ever";
    if (!(await sure("Change how long links live?", `${links_of} They ${end}.`, `Change it for ${phones}`))) return;
    await change("PATCH", at(path), { expires_at }, version);
    reloadSaying("Changed; in force within a second.");
  });
}

const DEEDS = {
  stop: ["Stop the broadcast?", "Its links answer with a page that says they are over, until it is resumed.", "Stop it for", "danger", { stopped: true }],
  resume: ["Resume the broadcast?", "Its links lead to their destinations again.", "Resume it for", "primary", { stopped: false }],
  archive: ["Archive the broadcast?", "It leaves the lists; its links live on.", "Archive", "primary", { archived: true }],
  unarchive: ["Take it out of the archive?", "It is in the lists again.", "Take it out", "primary", { archived: false }],
  rollback: ["Take back the last change?", "The broadcast is what it was before, in force within a second.", "Take it back for", "primary", null],
};

async function doIt(name) {
  const [title, text, yes, kind, body] = DEEDS[name];
  if (!(await sure(title, `${links_of} ${text}`, yes.endsWith("for") ? `${yes} ${phones}` : yes, kind))) return;
  if (body) await change("PATCH", at(path), body, version);
  else await change("POST", at(`${path}/rollback`), {}, version);
  reloadSaying("Done; in force within a second.");
}

for (const button of root.querySelectorAll("[data-do]")) {
  button.addEventListener("click", async () => {
    clear(root);
    try {
      await doIt(button.dataset.do);
    } catch (error) {
      tell(root, error);
    }
  });
}
