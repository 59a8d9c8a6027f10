// The page /new: counts the text as it is typed, and keeps it as a broadcast.

import { at, made, many, momentOf, onSubmit, reloadSaying } from "./doing.js";
import { showWarnings } from "./warnings.js";
import { call } from "./taptrail.js";

const PAUSE_MS = 250; // after the last key
const form = document.getElementById("compose");
const part = (id) => document.getElementById(id);
let waiting = 0;
let asked = 0;

function values() {
  const inputs = [...document.querySelectorAll("#values input")];
  return Object.fromEntries(inputs.map((input) => [input.name, input.value || input.name]));
}

function body() {
  const fields = values();
  const contacts = Object.keys(fields).length ? [{ contact_id: "contact", fields }] : [];
  return { short_domain: form.elements.short_domain.value, text: form.elements.text.value, contacts };
}

async function count() {
  const turn = ++asked;
  const text = form.elements.text.value;
  part("waiting").hidden = text.trim() !== "";
  if (!text.trim()) return show(null, "");
  try {
    let draft = await call("POST", at("/v1/compose"), body());
    if (draft.messages === 0) draft = await call("POST", at("/v1/compose"), { ...body(), contacts: [] });
    if (turn === asked) show(draft.fault ? null : draft, draft.fault ?? "");
  } catch (error) {
    if (turn === asked) show(null, error.message);
  }
}

function show(draft, fault) {
  part("fault").textContent = fault;
  part("fault").hidden = !fault;
  part("preview").hidden = draft === null;
  part("in-short").hidden = draft === null;
  if (draft === null) return;
  const sample = draft.samples[0];
  part("sample").textContent = sample.text;
  part("segments").textContent = sample.segments;
  part("before").textContent = `${many(draft.segments_before, "segment")} with its URLs as they are`;
  part("units").textContent = sample.units;
  part("encoding").textContent = sample.encoding === "gsm7" ? "GSM-7: 160 in a segment, 153 in several" : "Unicode: 70 in a segment, 67 in several";
  part("destinations").replaceChildren(...draft.destinations.map((url) => made("li", url, "name")));
  part("warnings-part").hidden = draft.warnings.length === 0;
  showWarnings(part("warnings"), draft.warnings, false);
  part("in-short").querySelector("span").textContent = inShort(draft);
  offerValues(draft.fields);
}

/** For a phone, where the preview stands below the form. */
function inShort({ samples: [sample], destinations, warnings }) {
  const counts = [many(sample.segments, "segment"), many(sample.units, "character"), many(destinations.length, "link")];
  return [...counts, ...(warnings.length ? [many(warnings.length, "warning")] : [])].join(", ");
}

function offerValues(fields) {
  const known = [...document.querySelectorAll("#values input")].map((input) => input.name);
  part("tries").hidden = fields.length === 0;
  if (known.join() === fields.join()) return;
  const before = values();
  part("values").replaceChildren(
    ...fields.map((name) => {
      const label = made("label", "", "field");
      const input = made("input");
      Object.assign(input, { name, maxLength: 256, value: before[name] === name ? "" : (before[name] ?? "") });
      input.addEventListener("input", soon);
      label.append(made("span", name), input);
      return label;
    }),
  );
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(count, PAUSE_MS);
}

function keptBody(given) {
  const kept = { short_domain: given.get("short_domain"), text: given.get("text"), keyword: given.get("keyword") };
  const more = { source: given.get("source"), timezone: given.get("timezone"), expires_at: momentOf(given.get("expires_at")) };
  return { ...kept, ...Object.fromEntries(Object.entries(more).filter(([, value]) => value)) };
}

form.elements.text.addEventListener("input", soon);
form.elements.short_domain.addEventListener("change", soon);
onSubmit(form, async (given) => {
  const name = given.get("broadcast_id");
  await call("PUT", at(`/v1/broadcasts/${encodeURIComponent(name)}`), keptBody(given), { "If-None-Match": "*" });
  reloadSaying("The broadcast is kept; now its contacts.", at(`/broadcasts/${encodeURIComponent(name)}`));
});
