// What pages that do something share: one way to the API, forms that say what went wrong, a question before a change.

import { ask, call, say } from "./taptrail.js";

const SAID = "taptrail-said";
const account = document.querySelector("[data-account]")?.dataset.account;

/** The address of a call about an account: that of the page, where none is named. */
export function at(path, query = {}, of = account) {
  return `${path}?${new URLSearchParams({ account: of, ...query })}`;
}

/** Load the page again and say this then. */
export function reloadSaying(text, path = location.href) {
  sessionStorage.setItem(SAID, text);
  if (path === location.href) location.reload();
  else location.assign(path);
}

/** Do what a form is for when it is sent: its button is off meanwhile, and its notice says what went wrong. */
export function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await guarded(form, () => act(new FormData(form)));
  });
}

/** Do something once at a time; what goes wrong is said in `place`: a form, or a part of the page with a notice. */
export async function guarded(place, act) {
  const buttons = [...place.querySelectorAll("button.primary, form.fix button, button:not([type])")];
  clear(place);
  buttons.forEach((button) => (button.disabled = true));
  try {
    await act();
  } catch (error) {
    tell(place, error);
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
}

export function clear(place) {
  const notice = place.querySelector("[data-trouble]");
  if (notice) notice.hidden = true;
  for (const field of place.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Say what went wrong beside the field at fault. */
export function tell(place, error) {
  const notice = place.querySelector("[data-trouble]");
  const name = (error.problem?.field ?? "").replace(/\[.*/, "").replace(/^destinations$/, "text");
  const field = name && (place.elements?.namedItem?.(name) ?? null);
  notice.textContent = error.message;
  if (error.problem?.status === 412) notice.append(" ", reload());
  notice.hidden = false;
  if (field instanceof HTMLElement) {
    field.setAttribute("aria-invalid", "true");
    field.focus();
    return;
  }
  notice.tabIndex = -1;
  notice.focus();
}

function reload() {
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Show it as it is now";
  return link;
}

/** Whether the person at the page wants that. yes: what the button says. */
export async function sure(title, text, yes, kind = "primary") {
  const dialog = document.getElementById("question");
  dialog.querySelector("#question-title").textContent = title;
  dialog.querySelector("#question-text").textContent = text;
  const button = dialog.querySelector("#question-yes");
  button.textContent = yes;
  button.className = kind;
  return (await ask(dialog)) === "yes";
}

/** A call about one record: what stands in the way of a change that another tab made is said, not overwritten. */
export function change(method, path, body, version) {
  return call(method, path, body, version ? { "If-Match": `"${version}"` } : {});
}

/** A moment that a field of local time names, as the API says it; null for none. */
export function momentOf(text) {
  return text ? new Date(text).toISOString() : null;
}

/** Unix milliseconds in a field of local time. */
export function localTime(ms) {
  const here = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return here.toISOString().slice(0, 16);
}

/** An element with a text; names in it keep their direction to themselves. */
export function made(tag, text = "", className = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

export function many(count, one, several = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : several}`;
}

const said = sessionStorage.getItem(SAID);
if (said) {
  sessionStorage.removeItem(SAID);
  say(said);
}
