// Shows what is known: the picture, the list, the command, and what went wrong.

/** @import { Detection } from "../contract.ts" */

import { curl, streamCode } from "./command.js";
import { FindingsView, objects, summaryOf, visible } from "./findings.js";
import { Problem } from "./service.js";
import { Stage } from "./stage.js";
import { chosenModel, filter, keepKey, loadedModel, shownImage, state } from "./state.js";
import { ui } from "./ui.js";

/** @type {(() => void) | undefined} */
let again;

export const stage = new Stage({ onChoose: (detection) => choose(detection) });

export const findings = new FindingsView({
  onLook: (detection, isChosen) => {
    if (isChosen) choose(detection);
    else stage.highlight(detection ?? state.chosen);
  },
  onClass: (index) => {
    if (!state.hidden.delete(index)) state.hidden.add(index);
    render();
  },
});

/**
 * Keeps an object in view, or lets go of it when it is chosen again.
 * @param {Detection | undefined} detection
 */
function choose(detection) {
  state.chosen = detection === state.chosen ? undefined : detection;
  render();
}

/** Shows the photo that is looked at, or the camera's last frame, as the filters say. */
export function render() {
  const all = shownImage()?.results ?? [];
  const shown = visible(all, filter());
  const percent = `${ui.confidence.value}%`;
  ui.confidenceValue.textContent = percent;
  ui.confidence.setAttribute("aria-valuetext", percent);
  if (state.chosen !== undefined && !shown.includes(state.chosen)) state.chosen = undefined;
  stage.show(shown, state.chosen);
  renderText(all, shown);
  renderCode(shown);
}

/**
 * @param {readonly Detection[]} all
 * @param {readonly Detection[]} shown
 */
export function renderText(all, shown) {
  const answered = state.camera === undefined ? state.current?.state === "done" : state.live !== undefined;
  ui.filters.hidden = all.length === 0;
  ui.count.textContent = answered ? objects(shown.length) : "Findings";
  // The filters say the same to the eye.
  ui.summary.hidden = answered && all.length > 0;
  ui.summary.textContent = answered ? summaryOf(shown) : "What is found in a photo is listed here.";
  findings.show(all, shown, filter(), state.chosen);
}

/** @param {readonly Detection[]} shown */
export function renderCode(shown) {
  const { camera, current, hidden } = state;
  const done = current?.state === "done";
  ui.code.hidden = camera === undefined && !done;
  const withKey = state.key !== "";
  if (camera !== undefined) {
    ui.codeKind.textContent = "JavaScript";
    ui.command.textContent = streamCode(chosenModel(), withKey);
  } else if (done && current !== undefined) {
    ui.codeKind.textContent = "curl";
    const classes = hidden.size === 0 ? undefined : classesShown(shown);
    const { confidence } = filter();
    ui.command.textContent = curl(current.file, { model: current.model, withKey, confidence, classes });
  }
}

/**
 * The classes that a request names to get what is shown: those that are there, else all that are not hidden.
 * @param {readonly Detection[]} shown
 */
function classesShown(shown) {
  const there = [...new Set(shown.map((one) => one.class))];
  if (there.length > 0) return there.sort((a, b) => a - b);
  const count = loadedModel()?.names.length ?? 0;
  return Array.from({ length: count }, (_, index) => index).filter((index) => !state.hidden.has(index));
}

/**
 * Tells a screen reader.
 * @param {string} text
 */
export function say(text) {
  ui.status.textContent = text;
}

/**
 * @param {unknown} error
 * @param {(() => void) | undefined} [retry] what to do when the person wants to try again
 */
export function showProblem(error, retry) {
  const problem =
    error instanceof Problem
      ? error
      : new Problem("This page failed", error instanceof Error ? error.message : String(error));
  again = retry;
  ui.retry.hidden = retry === undefined;
  ui.problemTitle.textContent = problem.title;
  ui.problemText.textContent = problem.message;
  ui.problemCode.textContent = problem.code === "" ? "" : `${problem.code}, request ${problem.requestId}`;
  ui.problem.hidden = false;
  if (problem.code === "YOLO_KEY_INVALID") {
    keepKey("");
    ui.keyForm.hidden = false;
    ui.key.focus();
  }
}

/** Takes the last problem away. */
export function hideProblem() {
  ui.problem.hidden = true;
}

ui.retry.addEventListener("click", () => {
  hideProblem();
  again?.();
});
ui.dismiss.addEventListener("click", hideProblem);
