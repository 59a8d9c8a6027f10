// What a contacts file would give, and what it gave.

import { made, many } from "./doing.js";
import { showWarnings } from "./warnings.js";

const MOST_BAD = 20; // lines that are named

/** What a dry run says. make: called for the button that makes it all. */
export function showRun(place, run, what, make) {
  const skipped = run.skipped ?? 0;
  const count = what === "messages" ? run.messages : run.new + run.existing;
  const parts = [made("h3", what === "messages" ? saidOfMessages(run) : saidOfLinks(run))];
  if (skipped) parts.push(badLines(run.errors, skipped));
  if (run.by_segments && Object.keys(run.by_segments).length) parts.push(segments(run));
  if (run.warnings?.length) {
    const list = made("ul", "", "plain");
    showWarnings(list, run.warnings);
    parts.push(made("h3", "Warnings"), list);
  }
  if (run.samples?.length) parts.push(made("h3", "Samples"), ...run.samples.slice(0, 5).map(sample));
  if (count) parts.push(button(what, count, skipped, make));
  place.replaceChildren(...parts);
}

function saidOfMessages(run) {
  return `${many(run.messages, "message")}, ${many(run.segments, "segment")}; ${many(run.segments_before, "segment")} with their URLs as they are`;
}

function saidOfLinks(run) {
  return `${many(run.new, "new link")}, ${many(run.existing, "link")} that contacts have already`;
}

function badLines(errors, skipped) {
  const notice = made("div", "", "notice bad");
  notice.append(made("p", `${many(skipped, "line")} cannot be used:`));
  const list = made("ul", "", "plain");
  list.append(...errors.slice(0, MOST_BAD).map((bad) => made("li", `line ${bad.line}: ${bad.error}`)));
  const rest = skipped - Math.min(errors.length, MOST_BAD);
  if (rest > 0) list.append(made("li", `and ${many(rest, "more", "more")}`));
  notice.append(list);
  return notice;
}

function segments(run) {
  const table = made("table", "", "data");
  table.append(made("caption", "Messages by their segments"));
  const head = table.createTHead().insertRow();
  for (const [name, kind] of [["Segments", ""], ["Messages", "num"]]) {
    const cell = made("th", name, kind);
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const [count, messages] of Object.entries(run.by_segments)) {
    const row = body.insertRow();
    row.append(made("td", count), made("td", messages.toLocaleString("en"), "num"));
  }
  return table;
}

function sample(one) {
  const bubble = made("p", "", "bubble");
  bubble.dir = "auto";
  bubble.append(made("bdi", one.text));
  return bubble;
}

function button(what, count, skipped, make) {
  const row = made("div", "", "row spaced");
  const without = skipped ? `, without ${many(skipped, "line")}` : "";
  const one = made("button", `Make ${many(count, what === "messages" ? "message" : "link")}${without}`, "primary");
  one.type = "button";
  one.addEventListener("click", async () => {
    one.disabled = true;
    await make();
    one.disabled = false;
  });
  row.append(one);
  return row;
}

/** What was made, to be saved. */
export function showMade(place, blob, name, count, bad, what) {
  const notice = made("div", "", "notice good");
  const link = made("a", `Save ${name}`, "button primary");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  notice.append(made("p", `${many(count, what === "messages" ? "message" : "link")} made. Your sender takes this file.`), link);
  place.replaceChildren(notice, ...(bad.length ? [badLines(bad, bad.reduce((sum, one) => sum + (one.lines ?? 1), 0))] : []));
  link.focus();
}
