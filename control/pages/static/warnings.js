// What messages are warned of, in words.

import { made, many } from "./doing.js";

const meanings = JSON.parse(document.getElementById("meanings")?.textContent ?? "{}");

/** A list of warnings of a dry run. counts: with how many messages each is about. */
export function showWarnings(list, warnings, counts = true) {
  list.replaceChildren(...warnings.map((warning) => shown(warning, counts)));
}

function shown(warning, counts) {
  const item = made("li", "", "notice warn");
  item.append(made("code", warning.warning), ` ${meanings[warning.warning] ?? ""}`, counts ? ` (${many(warning.count, "message")})` : "");
  const said = new Set(warning.examples.map(about).filter(Boolean));
  for (const text of [...said].slice(0, 3)) item.append(document.createElement("br"), made("bdi", text));
  return item;
}

/** The character and the field that a warning is about; what nobody can see by its number. */
function about({ character, field }) {
  const number = () => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  const shownAs = character && (/[\p{C}\p{Z}\p{M}]/u.test(character) ? number() : `“${character}”`);
  return [shownAs, field && `in {${field}}`].filter(Boolean).join(" ");
}
