// Draws the world that reports colour, and lists the names of countries: node draw.mjs SVG JSON

import { writeFileSync } from "node:fs";
import { geoNaturalEarth1, geoPath } from "d3-geo";
import countries from "i18n-iso-countries";
import { feature } from "topojson-client";
import atlas from "world-atlas/countries-110m.json" with { type: "json" };

const WIDTH = 960;
// Shapes of countries-110m without an ISO number: as what registries of addresses file their networks.
const WITHOUT_NUMBER = { Kosovo: "XK", "N. Cyprus": "CY", Somaliland: "SO" };
const ANTARCTICA = "AQ"; // a tenth of the picture, and no phone
const named = new Intl.DisplayNames("en", { type: "region" });

const codeOf = ({ id, properties }) => (id ? countries.numericToAlpha2(id) : WITHOUT_NUMBER[properties.name]);
const drawn = feature(atlas, atlas.objects.countries).features.filter((one) => codeOf(one) !== ANTARCTICA);
const projection = geoNaturalEarth1().fitWidth(WIDTH, { type: "FeatureCollection", features: drawn });
const path = geoPath(projection).digits(1);
const height = Math.ceil(path.bounds({ type: "FeatureCollection", features: drawn })[1][1]);

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const shapes = drawn
  .map((one) => ({ code: codeOf(one), outline: path(one) }))
  .sort((a, b) => a.code.localeCompare(b.code))
  .map(({ code, outline }) => `<path name="${escaped(named.of(code))}" d="${outline}"/>`);
const [svg, json] = process.argv.slice(2);
writeFileSync(svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" fill="#ccc">\n${shapes.join("\n")}\n</svg>\n`);

const codes = [...Object.keys(countries.getAlpha2Codes()), "XK"].sort();
const known = new Set(drawn.map(codeOf));
const names = Object.fromEntries(codes.map((code) => [code, [named.of(code), known.has(code)]]));
writeFileSync(json, `{\n${Object.entries(names).map(([code, said]) => `"${code}": ${JSON.stringify(said)}`).join(",\n")}\n}\n`);
