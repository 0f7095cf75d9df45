// The canvas in the middle: fits a picture into the room there is, and draws what is shown in it.

/** @import { Detection, ImageResult } from "../contract.ts" */

import { byId } from "./dom.js";
import { draw, objectAt } from "./draw.js";
import { objects, summaryOf } from "./findings.js";

/** Pixels of the window's height that are left for what is above and below a picture, by the number of columns. */
const AROUND = { one: 250, two: 230 };

/** Least height that a picture may have in a low window, in pixels. */
const LEAST_HEIGHT = 240;

/** The picture that is looked at. */
export class Stage {
  #box = byId("stage", HTMLElement);
  #canvas = byId("canvas", HTMLCanvasElement);
  /** @type {CanvasImageSource | undefined} */
  #picture;
  /** @type {ImageResult["shape"] | undefined} */
  #shape;
  #name = "";
  /** @type {readonly Detection[]} */
  #results = [];
  /** @type {Detection | undefined} */
  #highlight;
  #planned = false;

  /** @param {{ onChoose: (detection: Detection | undefined) => void }} events */
  constructor({ onChoose }) {
    this.#box.classList.add("empty");
    new ResizeObserver(() => this.#plan()).observe(this.#box);
    addEventListener("resize", () => this.#plan());
    this.#canvas.addEventListener("click", ({ offsetX, offsetY }) => {
      if (this.#shape === undefined) return;
      const scale = this.#shape[1] / this.#canvas.clientWidth;
      onChoose(objectAt(this.#results, offsetX * scale, offsetY * scale));
    });
  }

  /**
   * @param {CanvasImageSource | undefined} picture
   * @param {ImageResult["shape"]} shape
   * @param {string} name
   */
  setPicture(picture, shape, name) {
    this.#picture = picture;
    this.#shape = shape;
    this.#name = name;
    this.#canvas.hidden = false;
    this.#box.classList.remove("empty");
    this.#plan();
  }

  /** Takes the picture away. */
  clear() {
    this.#shape = undefined;
    this.#picture = undefined;
    this.#canvas.hidden = true;
    this.#box.classList.add("empty");
  }

  /**
   * @param {readonly Detection[]} results
   * @param {Detection | undefined} highlight
   */
  show(results, highlight) {
    this.#results = results;
    this.#highlight = highlight;
    this.#plan();
  }

  /** @param {Detection | undefined} highlight */
  highlight(highlight) {
    if (highlight === this.#highlight) return;
    this.#highlight = highlight;
    this.#plan();
  }

  /**
   * The drawn picture as PNG.
   * @returns {Promise<Blob | null>}
   */
  toBlob() {
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/png"));
  }

  /** Draws once for all that changes until the next frame of the screen. */
  #plan() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      this.#draw();
    });
  }

  #draw() {
    if (this.#shape === undefined) return;
    const [height, width] = this.#shape;
    const narrow = matchMedia("(max-width: 900px)").matches;
    const most = Math.max(LEAST_HEIGHT, innerHeight - (narrow ? AROUND.one : AROUND.two));
    const room = { width: this.#box.clientWidth, height: most };
    const scale = Math.min(room.width / width, room.height / height);
    const ratio = Math.min(3, devicePixelRatio);
    const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
    this.#canvas.width = size.width * ratio;
    this.#canvas.height = size.height * ratio;
    this.#canvas.style.width = `${size.width}px`;
    this.#canvas.style.height = `${size.height}px`;
    this.#canvas.setAttribute(
      "aria-label",
      `${this.#name}: ${objects(this.#results.length)}. ${summaryOf(this.#results)}`,
    );
    const scene = { picture: this.#picture, shape: this.#shape, results: this.#results, highlight: this.#highlight };
    draw(this.#canvas, scene, ratio);
  }
}
