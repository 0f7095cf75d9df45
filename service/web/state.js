// What the page knows, in one place.

/** @import { Detection, ImageResult, InfoResponse } from "../contract.ts" */
/** @import { Camera } from "./camera.js" */
/** @import { Filter } from "./findings.js" */
/** @import { Problem } from "./service.js" */
/** @import { Timing } from "./times.js" */

import { ui } from "./ui.js";

/**
 * @typedef {object} Photo
 * @property {File} file
 * @property {string} url an object URL, for the small picture
 * @property {"waiting" | "sending" | "done" | "failed"} state
 * @property {ImageBitmap | undefined} picture missing where the browser cannot show its format
 * @property {ImageResult} [image]
 * @property {Timing} [timing]
 * @property {Map<string | undefined, Timing>} timings the last one by each model that looked
 * @property {string} [model]
 * @property {Problem} [problem]
 * @property {HTMLButtonElement} thumb
 */

const KEY_ITEM = "yolo-api-key";

export const state = {
  /** @type {InfoResponse | undefined} */
  info: undefined,
  /** @type {Photo[]} */
  photos: [],
  /** @type {Photo | undefined} the photo that is looked at */
  current: undefined,
  /** @type {Camera | undefined} */
  camera: undefined,
  /** @type {ImageResult | undefined} the camera's last frame */
  live: undefined,
  /** @type {Detection | undefined} */
  chosen: undefined,
  /** @type {Set<number>} indices of classes that are not shown */
  hidden: new Set(),
  key: sessionStorage.getItem(KEY_ITEM) ?? "",
};

/**
 * Keeps an API key for this tab; an empty one is forgotten.
 * @param {string} key
 */
export function keepKey(key) {
  state.key = key;
  if (key === "") sessionStorage.removeItem(KEY_ITEM);
  else sessionStorage.setItem(KEY_ITEM, key);
}

/** @returns {Filter} */
export function filter() {
  return { confidence: Number(ui.confidence.value) / 100, hidden: state.hidden };
}

/** What was found in the photo that is looked at, or in the camera's last frame. */
export function shownImage() {
  return state.camera === undefined ? state.current?.image : state.live;
}

/** The model that looks at the next photo. */
export function loadedModel() {
  const { info } = state;
  return info?.models.find(({ name }) => name === ui.model.value) ?? info?.models[0];
}

/** The model that requests name; undefined where there is only one. */
export function chosenModel() {
  return state.info !== undefined && state.info.models.length > 1 ? ui.model.value : undefined;
}
