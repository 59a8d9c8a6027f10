// Charts: an option in JSON beside each place, drawn by ECharts as SVG in the colours of the page.

const charts = new Map(); // name -> {figure, option, chart}; chart: null until there is something to draw
const dark = matchMedia("(prefers-color-scheme: dark)");
const forced = matchMedia("(forced-colors: active)");
const paper = matchMedia("print");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const PAPER_PX = 660; // A4 and letter have room for it
const LEAST_PX = 40;
let loaded;

function echarts() {
  loaded ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL("./vendor/echarts.min.js", import.meta.url).href;
    script.addEventListener("load", () => done(window.echarts));
    script.addEventListener("error", () => failed(new Error("The charts could not be loaded; their tables are here.")));
    document.head.append(script);
  });
  return loaded;
}

async function loadMap(library, name) {
  if (library.getMap(name)) return;
  const answer = await fetch(new URL(`./${name}.svg`, import.meta.url));
  if (!answer.ok) throw new Error(`The map could not be loaded: ${answer.status}`);
  library.registerMap(name, { svg: await answer.text() });
}

/** The value of a property of the style sheet, such as "people". */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A colour of the style sheet; one of the system, such as Highlight, as the numbers that ECharts can mix. */
function colour(name) {
  if (!forced.matches) return token(name);
  const probe = document.createElement("i");
  probe.style.color = token(name);
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** An option with the texts "@people" and their like replaced by the colours of the page. */
function inColours(part) {
  if (typeof part === "string") return part.startsWith("@") ? colour(part.slice(1)) : part;
  if (Array.isArray(part)) return part.map(inColours);
  if (part === null || typeof part !== "object") return part;
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, inColours(value)]));
}

function axis(given) {
  if (given === undefined) return undefined;
  const own = {
    axisLine: { lineStyle: { color: colour("line") } },
    axisTick: { show: false },
    axisLabel: { color: colour("muted"), hideOverlap: true },
    nameTextStyle: { color: colour("muted") },
    splitLine: { lineStyle: { color: colour("line") } },
    splitArea: { show: false },
  };
  const merged = (one) => ({ ...own, ...one, axisLabel: { ...own.axisLabel, ...one.axisLabel } });
  return Array.isArray(given) ? given.map(merged) : merged(given);
}

function tooltip(given = {}) {
  const { unit, ...more } = given; // unit: what stands behind each value
  return {
    renderMode: "richText", confine: true, backgroundColor: colour("surface"), borderColor: colour("line"),
    textStyle: { color: colour("text"), fontSize: 13 }, ...(unit && { valueFormatter: (value) => `${value} ${unit}` }), ...more,
  };
}

function themed(raw, description) {
  const option = inColours(raw);
  return {
    color: [1, 2, 3, 4, 5].map((number) => colour(`series-${number}`)),
    ...option,
    animation: !still.matches && !paper.matches && option.animation !== false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: token("sans"), color: colour("text") },
    grid: { left: 4, right: 12, top: 12, bottom: option.legend ? 36 : 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel", ...option.grid },
    legend: option.legend && { bottom: 0, icon: "roundRect", itemWidth: 14, itemHeight: 8, ...option.legend, textStyle: { color: colour("text") } },
    tooltip: tooltip(option.tooltip),
    xAxis: axis(option.xAxis),
    yAxis: axis(option.yAxis),
    aria: { enabled: true, label: { description } },
  };
}

/** Draw every chart of the page; where ECharts or a map does not come, the tables stay. */
export async function drawAll() {
  let library;
  try {
    library = await echarts();
  } catch {
    return;
  }
  const figures = [...document.querySelectorAll("[data-chart]")];
  await Promise.all(figures.map((figure) => begin(library, figure)));
}

async function begin(library, figure) {
  try {
    if (figure.dataset.map) await loadMap(library, figure.dataset.map);
  } catch {
    return;
  }
  const known = { figure, option: JSON.parse(figure.querySelector("[data-option]").textContent), chart: null };
  charts.set(figure.dataset.chart, known);
  offerTable(figure);
  offerPicture(figure);
  show(known);
}

function show(known) {
  const { figure, option } = known;
  figure.classList.toggle("blank", option === null);
  figure.querySelector(".plot").hidden = option === null;
  if (option === null) return;
  known.chart ??= made(figure);
  const description = figure.querySelector("[data-description]").textContent;
  known.chart.setOption(themed(option, description), { notMerge: true });
}

function made(figure) {
  const plot = figure.querySelector(".plot");
  const chart = window.echarts.init(plot, null, { renderer: "svg" });
  // A map cannot be drawn into nothing, which a plot is while a window opens or closes.
  const has_room = () => plot.clientWidth > LEAST_PX && plot.clientHeight > LEAST_PX;
  new ResizeObserver(() => !paper.matches && has_room() && chart.resize()).observe(plot);
  // What is clicked leads where the row of its name does.
  chart.on("click", ({ name }) => figure.querySelector(`a[data-of="${CSS.escape(name)}"]`)?.click());
  return chart;
}

function offerTable(figure) {
  const button = figure.querySelector("[data-table-of]");
  const table = document.getElementById(button.getAttribute("aria-controls"));
  const title = figure.querySelector("h3").textContent;
  const open = (is_shown) => {
    table.hidden = !is_shown;
    button.setAttribute("aria-expanded", String(is_shown));
    button.textContent = is_shown ? "Hide the table" : "Show the table";
    button.setAttribute("aria-label", `${button.textContent} of ${title}`);
  };
  button.hidden = false;
  open(figure.classList.contains("beside"));
  button.addEventListener("click", () => open(table.hidden));
}

function offerPicture(figure) {
  const button = figure.querySelector("[data-picture-of]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const link = document.createElement("a");
    link.href = await picture(figure.dataset.chart);
    link.download = `${document.querySelector("h1")?.textContent.trim()} ${figure.dataset.chart}.png`;
    link.click();
  });
}

/** Give a chart other data: an option as in its JSON, null for nothing to draw. */
export function update(name, option) {
  const known = charts.get(name);
  if (!known) return;
  known.option = option;
  show(known);
}

const HEAD_PX = 44; // above the chart on its picture

/** The chart under its title as a PNG in a data: address, on the ground of the page, twice its size. */
export async function picture(name) {
  const { chart, figure } = charts.get(name);
  const image = new Image();
  image.src = chart.getDataURL({ type: "svg" });
  await image.decode();
  const [width, height] = [chart.getWidth(), chart.getHeight()];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * 2, (height + HEAD_PX) * 2];
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  context.fillStyle = colour("surface");
  context.fillRect(0, 0, width, height + HEAD_PX);
  write(context, `600 16px ${token("sans")}`, colour("text"), figure.querySelector("h3").textContent, 16, width);
  write(context, `12px ${token("sans")}`, colour("muted"), document.querySelector("h1")?.textContent.trim() ?? "", 34, width);
  context.drawImage(image, 0, HEAD_PX, width, height);
  return canvas.toDataURL("image/png");
}

function write(context, font, fill, text, y, width) {
  Object.assign(context, { font, fillStyle: fill });
  context.fillText(text, 8, y, width - 16);
}

function redraw() {
  for (const known of charts.values()) show(known);
}

// On paper every theme is light, and every chart as wide as the paper, whose width is not known while charts are drawn.
function print() {
  for (const { chart } of charts.values()) chart?.resize({ width: paper.matches ? PAPER_PX : "auto" });
  redraw();
}

dark.addEventListener("change", redraw);
forced.addEventListener("change", redraw);
paper.addEventListener("change", print);
