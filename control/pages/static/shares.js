// The page /reports/{id}/shares: a button that copies the new link. Everything else there is plain forms.

import { say } from "./taptrail.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      say("Copied.");
    } catch {
      say("This browser does not let a page copy; the link is selected, copy it by hand.", "bad");
    }
  });
}
