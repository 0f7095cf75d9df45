// Where the time went.

/** @import { Speed } from "../contract.ts" */

import { byId, make } from "./dom.js";

/**
 * @typedef {object} Timing
 * @property {number} total milliseconds from sending to the whole answer, as the browser saw it
 * @property {Speed} speed the service's own stages
 */

/** @typedef {{ photo: string, timing: Timing }} TimedPhoto */

const STAGES = /** @type {const} */ ([
  ["network", "Network and waiting"],
  ["preprocess", "Decode and scale"],
  ["inference", "Model"],
  ["postprocess", "Read out"],
]);

/**
 * Milliseconds by stage; what the service did not spend is the way and the waiting.
 * @param {Timing} timing
 */
function stagesOf({ total, speed }) {
  const { preprocess, inference, postprocess } = speed;
  return { network: Math.max(0, total - preprocess - inference - postprocess), preprocess, inference, postprocess };
}

/** @param {number} milliseconds */
export function format(milliseconds) {
  return milliseconds < 9.95 ? milliseconds.toFixed(1) : String(Math.round(milliseconds));
}

/** @param {readonly number[]} values */
function middle(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}

/**
 * @param {Timing} timing
 * @param {number} longest milliseconds that fill the whole width
 */
function barParts(timing, longest) {
  const parts = Object.entries(stagesOf(timing)).map(([stage, milliseconds]) => {
    const part = make("span", { class: stage });
    part.style.width = `${(milliseconds / longest) * 100}%`;
    return part;
  });
  return parts;
}

/**
 * Shows one timing in full.
 * @param {Timing} timing
 * @param {string} unit
 */
export function showTiming(timing, unit) {
  byId("speed", HTMLElement).hidden = false;
  byId("total", HTMLElement).textContent = format(timing.total);
  byId("total-unit", HTMLElement).textContent = unit;
  byId("bar", HTMLElement).replaceChildren(...barParts(timing, Math.max(1e-6, timing.total)));
  const stages = stagesOf(timing);
  byId("stages", HTMLElement).replaceChildren(
    ...STAGES.map(([stage, label]) =>
      make("div", {}, [
        make("span", { class: `key-dot ${stage}`, "aria-hidden": "true" }),
        make("dt", {}, [label]),
        make("dd", {}, [`${format(stages[stage])} ms`]),
      ]),
    ),
  );
}

/**
 * Shows the photos so far beside each other; hidden until there are two.
 * @param {readonly TimedPhoto[]} photos
 */
export function showComparison(photos) {
  byId("compare", HTMLElement).hidden = photos.length < 2;
  const longest = Math.max(...photos.map(({ timing }) => timing.total), 1e-6);
  byId("times", HTMLElement).replaceChildren(
    ...photos.map(({ photo, timing }) =>
      make("tr", {}, [
        make("td", { title: photo }, [photo]),
        make("td", {}, [make("div", { class: "bar", "aria-hidden": "true" }, barParts(timing, longest))]),
        make("td", {}, [format(timing.total)]),
      ]),
    ),
  );
  const totals = photos.map(({ timing }) => timing.total);
  const model = photos.map(({ timing }) => timing.speed.inference);
  byId("median", HTMLElement).textContent =
    `Median ${format(middle(totals))} ms, of which the model took ${format(middle(model))} ms; fastest ${format(Math.min(...totals))} ms.`;
}
