// Where the time went.

/** @import { Speed } from "../contract.ts" */

import { byId, make } from "./dom.js";

/**
 * @typedef {object} Timing
 * @property {number} total milliseconds from sending to the whole answer, as the browser saw it
 * @property {Speed} speed the service's own stages
 */

/** @typedef {{ photo: string, model: string | undefined, timing: Timing }} Run one photo and one model; without a name where there is only one */

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
 * Shows what was asked so far side by side; hidden until there are two.
 * @param {readonly Run[]} runs
 */
export function showComparison(runs) {
  byId("compare", HTMLElement).hidden = runs.length < 2;
  const longest = Math.max(...runs.map(({ timing }) => timing.total), 1e-6);
  byId("times", HTMLElement).replaceChildren(
    ...runs.map(({ photo, model, timing }) => {
      const name = make("td", { title: photo }, [photo]);
      if (model !== undefined) name.append(make("span", { class: "place" }, [model]));
      const bar = make("div", { class: "bar", "aria-hidden": "true" }, barParts(timing, longest));
      return make("tr", {}, [name, make("td", {}, [bar]), make("td", {}, [format(timing.total)])]);
    }),
  );
  const models = [...new Set(runs.map(({ model }) => model))];
  byId("medians", HTMLElement).replaceChildren(
    ...models.map((model) => make("li", {}, [medianOf(runs.filter((run) => run.model === model))])),
  );
}

/**
 * How long a model took, in one sentence.
 * @param {readonly Run[]} runs
 */
function medianOf(runs) {
  const model = runs[0]?.model;
  const totals = runs.map(({ timing }) => timing.total);
  const inference = runs.map(({ timing }) => timing.speed.inference);
  const times = `${format(middle(totals))} ms, of which the model took ${format(middle(inference))} ms`;
  if (runs.length === 1) return `${model === undefined ? "" : `${model}: `}${times}.`;
  return `${model === undefined ? "Median" : `${model}: median`} ${times}; fastest ${format(Math.min(...totals))} ms.`;
}
