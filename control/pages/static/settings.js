// The page /settings: registers and changes short domains, makes and revokes keys.

import { at, change, onSubmit, reloadSaying, sure } from "./doing.js";
import { call, say } from "./taptrail.js";

function domainBody(given) {
  const urls = Object.fromEntries(["home", "not_found", "expired"].map((name) => [name, given.get(name).trim() || null]));
  const look = Object.fromEntries(["color", "logo"].map((name) => [name, given.get(name).trim()]).filter(([, value]) => value));
  return { ...urls, display_name: given.get("display_name"), asks_opt_out: given.has("asks_opt_out"), page: look };
}

for (const form of document.querySelectorAll("form.domain")) {
  const { domain, of, version, language } = form.dataset;
  onSubmit(form, async (given) => {
    const body = domainBody(given);
    if (language) body.page.language = language;
    await change("PATCH", at(`/v1/domains/${encodeURIComponent(domain)}`, {}, of), body, version);
    reloadSaying(`${domain} is changed.`);
  });
}

const register = document.getElementById("new-domain");
if (register) {
  onSubmit(register, async (given) => {
    const name = given.get("short_domain").trim();
    await call("PUT", at(`/v1/domains/${encodeURIComponent(name)}`), domainBody(given), { "If-None-Match": "*" });
    reloadSaying(`${name} is registered.`);
  });
}

const make = document.getElementById("new-key");
if (make) {
  onSubmit(make, async (given) => {
    const body = { name: given.get("name"), scopes: given.getAll("scopes") };
    if (!body.scopes.length) throw new Error("Tick at least one thing that the key may do.");
    const answer = await call("POST", at("/v1/keys", {}, given.get("account").trim()), body);
    document.getElementById("made-key").textContent = answer.key;
    document.getElementById("made").hidden = false;
    document.getElementById("made").focus();
    make.reset();
  });
  document.getElementById("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById("made-key").textContent);
    say("Copied.");
  });
}

for (const button of document.querySelectorAll("[data-revoke]")) {
  button.addEventListener("click", async () => {
    const { revoke, of, name } = button.dataset;
    const text = `Whatever uses ${name} is refused within a second, and who is signed in with it is signed out.`;
    if (!(await sure("Revoke the key?", text, "Revoke it", "danger"))) return;
    try {
      await call("DELETE", at(`/v1/keys/${encodeURIComponent(revoke)}`, {}, of));
      reloadSaying("Revoked.");
    } catch (error) {
      say(error.message, "bad");
    }
  });
}
