// The camera's side of the page.

/** @import { ImageResult } from "../contract.ts" */

import { Camera } from "./camera.js";
import { streamAddress } from "./command.js";
import { summaryOf, visible } from "./findings.js";
import { look } from "./photos.js";
import { chosenModel, filter, state } from "./state.js";
import { showTiming } from "./times.js";
import { ui } from "./ui.js";
import { findings, hideProblem, render, renderCode, renderText, say, showProblem, stage } from "./view.js";

/** Milliseconds between two readings of a moving picture: lists that change faster cannot be read. */
const CALM_MS = { list: 400, spoken: 4_000 };

/** Milliseconds over which frames are counted. */
const COUNTED_MS = 2_000;

let facing = "environment";

/** Opens the camera, and shows what is found in its frames until it is closed. */
export async function openCamera() {
  hideProblem();
  ui.camera.disabled = true;
  try {
    const reading = new Reading();
    const opened = await Camera.open(facing, target, {
      onResult: (frame, image, milliseconds) => {
        if (state.camera === opened) reading.show(frame, image, milliseconds);
      },
      onProblem: (problem) => showProblem(problem),
      onEnd: (problem) => {
        closeCamera();
        showProblem(problem);
      },
    });
    state.camera = opened;
    ui.welcome.hidden = true;
    ui.busy.hidden = true;
    ui.live.hidden = false;
    ui.camera.setAttribute("aria-pressed", "true");
    ui.cameraText.textContent = "Close camera";
    ui.turn.hidden = !(await Camera.several());
  } catch (error) {
    showProblem(error);
  } finally {
    ui.camera.disabled = false;
  }
}

/** Lets go of the camera, and goes back to the photo that was looked at. */
export function closeCamera() {
  if (state.camera === undefined) return;
  state.camera.stop();
  state.camera = undefined;
  state.live = undefined;
  ui.live.hidden = true;
  ui.turn.hidden = true;
  ui.camera.setAttribute("aria-pressed", "false");
  ui.cameraText.textContent = "Open camera";
  if (state.current === undefined) stage.clear();
  else void look(state.current);
  ui.welcome.hidden = state.current !== undefined;
  render();
}

/** Closes the camera and opens it again, for another model. */
export function reopenCamera() {
  closeCamera();
  void openCamera();
}

/** Turns to the camera at the phone's other side. */
export function turnCamera() {
  facing = facing === "environment" ? "user" : "environment";
  reopenCamera();
}

/** The stream to open, with the key as a protocol because a page cannot set headers of a WebSocket. */
function target() {
  const { key } = state;
  return { url: streamAddress(chosenModel()), protocols: key === "" ? ["yolo"] : ["yolo", `key.${key}`] };
}

/** What is shown of a moving picture: each frame at once, and in words only now and then. */
class Reading {
  #listed = 0;
  #spoken = 0;
  /** @type {number[]} */
  #arrivals = [];

  /**
   * @param {HTMLCanvasElement} frame
   * @param {ImageResult} image
   * @param {number} milliseconds
   */
  show(frame, image, milliseconds) {
    const now = performance.now();
    this.#arrivals.push(now);
    while ((this.#arrivals[0] ?? now) < now - COUNTED_MS) this.#arrivals.shift();
    state.live = image;
    hideProblem();
    stage.setPicture(frame, image.shape, "Camera");
    const shown = visible(image.results, filter());
    stage.show(shown, undefined);
    if (now - this.#listed < CALM_MS.list) return;
    this.#listed = now;
    const seconds = Math.max(0.1, (now - (this.#arrivals[0] ?? now)) / 1000);
    ui.liveText.textContent = `Camera, ${((this.#arrivals.length - 1) / seconds).toFixed(1)} frames a second`;
    showTiming({ total: milliseconds, speed: image.speed }, "ms, from a frame to its boxes");
    if (!findings.inUse) renderText(image.results, shown);
    renderCode(shown);
    if (now - this.#spoken < CALM_MS.spoken || ui.status.textContent === summaryOf(shown)) return;
    this.#spoken = now;
    say(summaryOf(shown));
  }
}
