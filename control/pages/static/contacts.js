// A contacts file on its way to the API: with progress, to be broken off, and what it gives.

/** The cells of the first line of a file, as far as a browser can tell; [] where it cannot. */
export async function headerOf(file) {
  const bytes = new Uint8Array(await file.slice(0, 65_536).arrayBuffer());
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  const lines = new TextDecoder(wide).decode(bytes).split(/\r?\n/);
  const line = /^"?sep=/.test(lines[0]) ? (lines[1] ?? "") : lines[0];
  const delimiter = [..."\t;|,"].reduce((best, one) => (line.split(one).length > line.split(best).length ? one : best), ",");
  return line.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1").replaceAll('""', '"')).filter(Boolean);
}

/** Send a file and give the answer's JSON. onProgress: of the share that is sent. Rejects with an Error that says why not. */
export function send(path, file, signal, onProgress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much is sent
    request.open("POST", path);
    request.setRequestHeader("Content-Type", "text/csv");
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total));
    request.addEventListener("load", () => (request.status === 200 ? done(JSON.parse(request.responseText)) : failed(refused(request.responseText, request.status))));
    request.addEventListener("error", () => failed(new Error("The connection broke while the file was sent; nothing was made. Try again.")));
    request.addEventListener("abort", () => failed(new Error("Broken off; nothing was made.")));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** The lines of an answer of NDJSON, many at a time. Throws an Error where it is cut off or refused. */
export async function* lines(path, body, headers, signal) {
  const answer = await fetch(path, { method: "POST", body, headers, signal });
  if (!answer.ok) throw refused(await answer.text(), answer.status);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    if (parts.length) yield parts.map((line) => JSON.parse(line));
  }
  if (rest.trim()) yield [JSON.parse(rest)];
}

function refused(text, status) {
  let problem = null;
  try {
    problem = JSON.parse(text);
  } catch {
    // an answer of a proxy
  }
  const where = problem?.line && !problem.detail.startsWith("line") ? `line ${problem.line}: ` : "";
  return Object.assign(new Error(problem ? where + problem.detail : `The server answered ${status}.`), { problem });
}
