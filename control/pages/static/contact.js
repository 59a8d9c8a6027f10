// The page /contacts/{contact_id}: erases the contact.

import { at, made, onSubmit, sure } from "./doing.js";
import { call } from "./taptrail.js";

const form = document.getElementById("erasure");
const { contact } = document.querySelector("[data-contact]").dataset;

form.querySelector("button").disabled = false;
onSubmit(form, async (given) => {
  const links = given.has("stop") ? "stop" : "keep";
  const after = links === "stop" ? "Its links end as well." : "Its links lead on as before.";
  if (!(await sure("Erase this contact?", `Nobody can say afterwards who it was. ${after} This cannot be undone.`, "Erase it", "danger"))) return;
  const asked = await call("POST", at("/v1/erasures"), { contact_id: contact, links });
  const notice = made("p", `The erasure ${asked.erasure_id} is ${asked.state}; it takes half a minute or more.`, "notice good");
  notice.tabIndex = -1;
  form.replaceWith(notice);
  notice.focus();
});
