// The page /links: makes, changes and deletes shared links.

import { at, change, guarded, onSubmit, reloadSaying, sure } from "./doing.js";
import { call } from "./taptrail.js";

const form = document.getElementById("new-link");
if (form) {
  onSubmit(form, async (given) => {
    const body = Object.fromEntries([...given].filter(([, value]) => value.trim()));
    const link = await call("POST", at("/v1/links"), body);
    reloadSaying(`${link.short_url} is made.`);
  });
}

for (const card of document.querySelectorAll("li.link")) {
  const { path, of, url, version } = card.dataset;
  const fix = card.querySelector("form.fix");
  if (!fix) continue;
  onSubmit(fix, async (given) => {
    const destination = given.get("destination").trim();
    if (!(await sure("Change where the link leads?", `${url} and its printed codes lead to ${destination} from now on.`, "Change it"))) return;
    await change("PATCH", at(path, {}, of), { destination }, version);
    reloadSaying("Changed; in force within a second.");
  });
  card.querySelector("[data-delete]").addEventListener("click", () =>
    guarded(fix, async () => {
      const text = `${url} answers that it is gone, also where it is printed. Its name stays taken.`;
      if (!(await sure("Delete the link?", text, "Delete it", "danger"))) return;
      await change("DELETE", at(path, {}, of), undefined, version);
      reloadSaying("Deleted.");
    }),
  );
}
