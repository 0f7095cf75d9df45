// Photos on their way: chosen, sent one after the other, and looked at.

/** @import { ImageResult } from "../contract.ts" */
/** @import { Photo } from "./state.js" */

import { make } from "./dom.js";
import { objects, summaryOf, visible } from "./findings.js";
import { Problem, predict } from "./service.js";
import { chosenModel, filter, state } from "./state.js";
import { format, showComparison, showTiming } from "./times.js";
import { ui } from "./ui.js";
import { hideProblem, render, say, showProblem, stage } from "./view.js";

/** Longer side of the pictures that are kept in memory, in pixels: more than a screen shows. */
const KEPT_SIDE = 2400;

/** Photos that are kept; the oldest is let go for another. */
const KEPT_PHOTOS = 16;

let working = false;

/**
 * Takes photos, shows the first of them, and sends them all.
 * @param {readonly File[]} files
 */
export async function add(files) {
  if (files.length === 0) return;
  hideProblem();
  const added = files.map((file) => photoOf(file));
  state.photos.push(...added);
  ui.strip.append(...added.map(({ thumb }) => make("li", {}, [thumb])));
  while (state.photos.length > KEPT_PHOTOS) forget(state.photos[0]);
  ui.photos.hidden = false;
  const first = added.find((photo) => state.photos.includes(photo));
  if (first !== undefined) await look(first);
  await work();
}

/**
 * @param {File} file
 * @returns {Photo}
 */
function photoOf(file) {
  const url = URL.createObjectURL(file);
  const image = make("img", { src: url, alt: "" });
  image.addEventListener("error", () => image.remove());
  const thumb = make("button", { type: "button", class: "thumb", "aria-label": file.name }, [image]);
  return { file, url, state: "waiting", picture: undefined, timings: new Map(), thumb };
}

/** @param {Photo | undefined} photo */
function forget(photo) {
  if (photo === undefined) return;
  state.photos = state.photos.filter((one) => one !== photo);
  URL.revokeObjectURL(photo.url);
  photo.picture?.close();
  photo.thumb.parentElement?.remove();
}

/**
 * Brings a photo to the stage.
 * @param {Photo} photo
 */
export async function look(photo) {
  state.current = photo;
  state.chosen = undefined;
  for (const { thumb } of state.photos) thumb.setAttribute("aria-current", String(thumb === photo.thumb));
  photo.picture ??= await decode(photo.file);
  if (state.current !== photo || state.camera !== undefined) return;
  ui.welcome.hidden = true;
  stage.setPicture(photo.picture, photo.image?.shape ?? sizeOf(photo.picture), photo.file.name);
  showState(photo);
  render();
}

/** @param {Photo} photo */
function showState(photo) {
  if (state.current !== photo) return;
  ui.busy.hidden = photo.state !== "waiting" && photo.state !== "sending";
  if (photo.timing !== undefined) showTiming(photo.timing, "ms, there and back");
  if (photo.problem !== undefined) showProblem(photo.problem, () => retry(photo));
  else hideProblem();
}

/**
 * Sends a photo once more.
 * @param {Photo} photo
 */
export function retry(photo) {
  delete photo.problem;
  photo.state = "waiting";
  showState(photo);
  void work();
}

/** Sends what waits, one photo after the other, so that their times can be compared. */
async function work() {
  if (working) return;
  working = true;
  try {
    for (let next = nextPhoto(); next !== undefined; next = nextPhoto()) await send(next);
  } finally {
    working = false;
  }
}

function nextPhoto() {
  return state.photos.find((photo) => photo.state === "waiting");
}

/** @param {Photo} photo */
async function send(photo) {
  photo.state = "sending";
  const left = state.photos.filter((one) => one.state === "waiting").length;
  ui.busyText.textContent = left === 0 ? "Looking…" : `Looking… ${left} more waiting`;
  showState(photo);
  const model = chosenModel();
  try {
    const { answer, milliseconds } = await predict(photo.file, { model, key: state.key });
    const [image] = answer.images;
    if (image === undefined) throw new Problem("The service failed", "Its answer holds no picture.");
    photo.image = image;
    photo.timing = { total: milliseconds, speed: image.speed };
    photo.timings.set(model, photo.timing);
    if (model !== undefined) photo.model = model;
    else delete photo.model;
    photo.state = "done";
    ui.keyForm.hidden = true;
  } catch (error) {
    photo.problem = error instanceof Problem ? error : new Problem("This page failed", String(error));
    photo.state = "failed";
  }
  showOnThumb(photo);
  showComparison(
    state.photos.flatMap(({ file, timings }) => {
      return [...timings].map(([name, timing]) => ({ photo: file.name, model: name, timing }));
    }),
  );
  if (state.camera !== undefined) return;
  showState(photo);
  if (state.current !== photo) return;
  if (photo.image !== undefined) {
    stage.setPicture(photo.picture, photo.image.shape, photo.file.name);
    const shown = visible(photo.image.results, filter());
    const time = photo.timing === undefined ? "" : ` In ${format(photo.timing.total)} milliseconds.`;
    say(`${photo.file.name}: ${objects(shown.length)}. ${summaryOf(shown)}${time}`);
  }
  render();
}

/**
 * Says on a small picture how many objects pass the filters.
 * @param {Photo} photo
 */
export function showOnThumb({ thumb, state: progress, image, file }) {
  thumb.querySelector(".badge")?.remove();
  const count = image === undefined ? 0 : visible(image.results, filter()).length;
  const text = progress === "failed" ? "!" : String(count);
  thumb.append(make("span", { class: "badge", "aria-hidden": "true" }, [text]));
  thumb.setAttribute("aria-label", `${file.name}, ${progress === "failed" ? "failed" : objects(count)}`);
}

/**
 * The picture as the service sees it, upright; undefined where the browser does not know the format.
 * @param {Blob} file
 */
async function decode(file) {
  try {
    const full = await createImageBitmap(file);
    const scale = KEPT_SIDE / Math.max(full.width, full.height);
    if (scale >= 1) return full;
    const options = { resizeWidth: Math.round(full.width * scale), resizeHeight: Math.round(full.height * scale) };
    const small = await createImageBitmap(full, { ...options, resizeQuality: "high" });
    full.close();
    return small;
  } catch {
    return undefined;
  }
}

/**
 * @param {ImageBitmap | undefined} picture
 * @returns {ImageResult["shape"]}
 */
function sizeOf(picture) {
  return picture === undefined ? [3, 4] : [picture.height, picture.width];
}
