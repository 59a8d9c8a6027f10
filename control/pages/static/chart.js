// Charts: an option in JSON beside each place, drawn by ECharts as SVG in the colours of the page.

const charts = new Map(); // name -> {plot, option, chart}
const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
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

/** The value of a colour of the style sheet, such as "people". */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** An option with the texts "@people" and their like replaced by the colours of the page. */
function inColours(part) {
  if (typeof part === "string") return part.startsWith("@") ? token(part.slice(1)) : part;
  if (Array.isArray(part)) return part.map(inColours);
  if (part === null || typeof part !== "object") return part;
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, inColours(value)]));
}

function axis(given) {
  if (given === undefined) return undefined;
  const own = {
    axisLine: { lineStyle: { color: token("line") } },
    axisTick: { show: false },
    axisLabel: { color: token("muted"), hideOverlap: true },
    nameTextStyle: { color: token("muted") },
    splitLine: { lineStyle: { color: token("line") } },
    splitArea: { show: false },
  };
  const merged = (one) => ({ ...own, ...one, axisLabel: { ...own.axisLabel, ...one.axisLabel } });
  return Array.isArray(given) ? given.map(merged) : merged(given);
}

function themed(raw, description) {
  const option = inColours(raw);
  return {
    color: [1, 2, 3, 4, 5].map((number) => token(`series-${number}`)),
    ...option,
    animation: !still.matches && option.animation !== false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: token("sans"), color: token("text") },
    grid: { left: 4, right: 12, top: 12, bottom: option.legend ? 36 : 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel", ...option.grid },
    legend: option.legend && { bottom: 0, icon: "roundRect", itemWidth: 14, itemHeight: 8, ...option.legend, textStyle: { color: token("text") } },
    tooltip: {
      renderMode: "richText", confine: true, backgroundColor: token("surface"), borderColor: token("line"),
      textStyle: { color: token("text"), fontSize: 13 }, ...option.tooltip,
    },
    xAxis: axis(option.xAxis),
    yAxis: axis(option.yAxis),
    aria: { enabled: true, label: { description } },
  };
}

/** Draw every chart of the page; where ECharts does not come, the tables stay. */
export async function drawAll() {
  let library;
  try {
    library = await echarts();
  } catch {
    return;
  }
  for (const figure of document.querySelectorAll("[data-chart]")) draw(library, figure);
}

function draw(library, figure) {
  const name = figure.dataset.chart;
  const plot = figure.querySelector(".plot");
  const option = JSON.parse(figure.querySelector("[data-option]").textContent);
  const description = document.getElementById(`${name}-description`).textContent;
  plot.hidden = false;
  offerTable(figure, name);
  const chart = library.init(plot, null, { renderer: "svg" });
  chart.setOption(themed(option, description));
  new ResizeObserver(() => chart.resize()).observe(plot);
  charts.set(name, { chart, option, description });
}

function offerTable(figure, name) {
  const button = figure.querySelector(`[data-table-of="${name}"]`);
  const table = document.getElementById(`${name}-table`);
  const show = (is_shown) => {
    table.hidden = !is_shown;
    button.setAttribute("aria-expanded", String(is_shown));
    button.textContent = is_shown ? "Hide the table" : "Show the table";
  };
  button.hidden = false;
  show(false);
  button.addEventListener("click", () => show(table.hidden));
}

/** Give a chart other data: an option as in its JSON. */
export function update(name, option) {
  const known = charts.get(name);
  if (!known) return;
  known.option = option;
  known.chart.setOption(themed(option, known.description), { notMerge: true });
}

/** The chart as a PNG in a data: address, on the ground of the page, twice its size. */
export async function picture(name) {
  const { chart } = charts.get(name);
  const image = new Image();
  image.src = chart.getDataURL({ type: "svg" });
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [chart.getWidth() * 2, chart.getHeight() * 2];
  const context = canvas.getContext("2d");
  context.fillStyle = token("surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}

function redraw() {
  for (const { chart, option, description } of charts.values()) chart.setOption(themed(option, description), { notMerge: true });
}

dark.addEventListener("change", redraw);
matchMedia("print").addEventListener("change", redraw); // on paper every theme is light
