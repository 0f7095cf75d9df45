// The page: takes photos and the camera's frames to the service, and shows what it finds.

/** @import { Detection, ImageResult, InfoResponse } from "../contract.ts" */
/** @import { Filter } from "./findings.js" */
/** @import { Timing } from "./times.js" */

import { Camera } from "./camera.js";
import { curl, streamAddress, streamCode } from "./command.js";
import { byId, copyText, make } from "./dom.js";
import { FindingsView, objects, summaryOf, visible } from "./findings.js";
import { fetchInfo, Problem, predict } from "./service.js";
import { Stage } from "./stage.js";
import { format, showComparison, showTiming } from "./times.js";

/**
 * @typedef {object} Photo
 * @property {File} file
 * @property {string} url an object URL, for the small picture
 * @property {"waiting" | "sending" | "done" | "failed"} state
 * @property {ImageBitmap | undefined} picture missing where the browser cannot show its format
 * @property {ImageResult} [image]
 * @property {Timing} [timing]
 * @property {string} [model]
 * @property {Problem} [problem]
 * @property {HTMLButtonElement} thumb
 */

const KEY_ITEM = "yolo-api-key";

/** Longer side of the pictures that are kept in memory, in pixels: more than a screen shows. */
const KEPT_SIDE = 2400;

/** Photos that are kept; the oldest is let go for another. */
const KEPT_PHOTOS = 16;

/** Milliseconds between two readings of a moving picture: lists that change faster cannot be read. */
const CALM_MS = { list: 400, spoken: 4_000 };

const SAMPLE = new URL("./sample.jpg", import.meta.url);

const ui = {
  welcome: byId("welcome", HTMLElement),
  busy: byId("busy", HTMLElement),
  busyText: byId("busy-text", HTMLElement),
  live: byId("live", HTMLElement),
  liveText: byId("live-text", HTMLElement),
  files: byId("files", HTMLInputElement),
  camera: byId("camera", HTMLButtonElement),
  cameraText: byId("camera-text", HTMLElement),
  turn: byId("turn", HTMLButtonElement),
  sample: byId("sample", HTMLButtonElement),
  problem: byId("problem", HTMLElement),
  problemTitle: byId("problem-title", HTMLElement),
  problemText: byId("problem-text", HTMLElement),
  problemCode: byId("problem-code", HTMLElement),
  retry: byId("retry", HTMLButtonElement),
  dismiss: byId("dismiss", HTMLButtonElement),
  keyForm: byId("key-form", HTMLFormElement),
  key: byId("key", HTMLInputElement),
  photos: byId("photos", HTMLElement),
  strip: byId("strip", HTMLElement),
  count: byId("count", HTMLElement),
  summary: byId("summary", HTMLElement),
  filters: byId("filters", HTMLElement),
  confidence: byId("confidence", HTMLInputElement),
  confidenceValue: byId("confidence-value", HTMLOutputElement),
  code: byId("code", HTMLElement),
  codeKind: byId("code-kind", HTMLElement),
  command: byId("command", HTMLElement),
  copy: byId("copy", HTMLButtonElement),
  copyJson: byId("copy-json", HTMLButtonElement),
  save: byId("save", HTMLButtonElement),
  model: byId("model", HTMLSelectElement),
  modelLabel: byId("model-label", HTMLLabelElement),
  modelName: byId("model-name", HTMLElement),
  status: byId("status", HTMLElement),
};

/** @type {InfoResponse | undefined} */
let info;
let key = sessionStorage.getItem(KEY_ITEM) ?? "";
/** @type {Photo[]} */
let photos = [];
/** @type {Photo | undefined} */
let current;
/** @type {Camera | undefined} */
let camera;
let facing = "environment";
/** @type {ImageResult | undefined} */
let liveImage;
/** @type {Detection | undefined} */
let chosen;
let working = false;
/** @type {(() => void) | undefined} */
let again;
/** @type {Set<number>} */
const hidden = new Set();

const stage = new Stage({ onChoose: (detection) => choose(detection === chosen ? undefined : detection) });
const findings = new FindingsView({
  onLook: (detection, isChosen) => {
    if (isChosen) choose(detection === chosen ? undefined : detection);
    else stage.highlight(detection ?? chosen);
  },
  onClass: (index) => {
    if (!hidden.delete(index)) hidden.add(index);
    render();
  },
});

// What is shown

/** @returns {Filter} */
function filter() {
  return { confidence: Number(ui.confidence.value) / 100, hidden };
}

function results() {
  return (camera === undefined ? current?.image : liveImage)?.results ?? [];
}

/** Shows the photo that is looked at, or the camera's last frame, as the filters say. */
function render() {
  const all = results();
  const shown = visible(all, filter());
  const percent = `${ui.confidence.value}%`;
  ui.confidenceValue.textContent = percent;
  ui.confidence.setAttribute("aria-valuetext", percent);
  if (chosen !== undefined && !shown.includes(chosen)) chosen = undefined;
  stage.show(shown, chosen);
  renderText(all, shown);
  renderCode(shown);
}

/**
 * @param {readonly Detection[]} all
 * @param {readonly Detection[]} shown
 */
function renderText(all, shown) {
  const answered = camera === undefined ? current?.state === "done" : liveImage !== undefined;
  ui.filters.hidden = all.length === 0;
  ui.count.textContent = answered ? objects(shown.length) : "Findings";
  // The filters say the same to the eye.
  ui.summary.hidden = answered && all.length > 0;
  ui.summary.textContent = answered ? summaryOf(shown) : "What is found in a photo is listed here.";
  findings.show(all, shown, filter(), chosen);
}

/** @param {readonly Detection[]} shown */
function renderCode(shown) {
  const done = current?.state === "done";
  ui.code.hidden = camera === undefined && !done;
  const withKey = key !== "";
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
  return Array.from({ length: count }, (_, index) => index).filter((index) => !hidden.has(index));
}

/** @param {Detection | undefined} detection */
function choose(detection) {
  chosen = detection;
  render();
}

/** @param {string} text */
function say(text) {
  ui.status.textContent = text;
}

/**
 * @param {unknown} error
 * @param {(() => void) | undefined} [retry]
 */
function showProblem(error, retry) {
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
    key = "";
    sessionStorage.removeItem(KEY_ITEM);
    ui.keyForm.hidden = false;
    ui.key.focus();
  }
}

function hideProblem() {
  ui.problem.hidden = true;
}

// Photos

/** @param {Iterable<File>} files */
async function add(files) {
  const list = [...files];
  if (list.length === 0) return;
  closeCamera();
  hideProblem();
  for (const file of list) {
    const url = URL.createObjectURL(file);
    const image = make("img", { src: url, alt: "" });
    image.addEventListener("error", () => image.remove());
    const thumb = make("button", { type: "button", class: "thumb", "aria-label": file.name }, [image]);
    /** @type {Photo} */
    const photo = { file, url, state: "waiting", picture: undefined, thumb };
    thumb.addEventListener("click", () => {
      closeCamera();
      look(photo);
    });
    photos.push(photo);
    ui.strip.append(make("li", {}, [thumb]));
  }
  while (photos.length > KEPT_PHOTOS) forget(photos[0]);
  ui.photos.hidden = false;
  const first = photos[photos.length - list.length] ?? photos[0];
  if (first !== undefined) await look(first);
  await work();
}

/** @param {Photo | undefined} photo */
function forget(photo) {
  if (photo === undefined) return;
  photos = photos.filter((one) => one !== photo);
  URL.revokeObjectURL(photo.url);
  photo.picture?.close();
  photo.thumb.parentElement?.remove();
}

/**
 * Brings a photo to the stage.
 * @param {Photo} photo
 */
async function look(photo) {
  current = photo;
  chosen = undefined;
  for (const { thumb } of photos) thumb.setAttribute("aria-current", String(thumb === photo.thumb));
  photo.picture ??= await decode(photo.file);
  if (current !== photo) return;
  ui.welcome.hidden = true;
  stage.setPicture(photo.picture, photo.image?.shape ?? sizeOf(photo.picture), photo.file.name);
  showState(photo);
  render();
}

/** @param {Photo} photo */
function showState(photo) {
  if (current !== photo) return;
  ui.busy.hidden = photo.state !== "waiting" && photo.state !== "sending";
  if (photo.timing !== undefined) showTiming(photo.timing, "ms from here and back");
  if (photo.problem !== undefined) showProblem(photo.problem, () => retry(photo));
  else hideProblem();
}

/** @param {Photo} photo */
function retry(photo) {
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
  return photos.find(({ state }) => state === "waiting");
}

/** @param {Photo} photo */
async function send(photo) {
  photo.state = "sending";
  const left = photos.filter(({ state }) => state === "waiting").length;
  ui.busyText.textContent = left === 0 ? "Looking…" : `Looking… ${left} more waiting`;
  showState(photo);
  const model = chosenModel();
  try {
    const { answer, milliseconds } = await predict(photo.file, { model, key });
    const [image] = answer.images;
    if (image === undefined) throw new Problem("The service failed", "Its answer holds no picture.");
    photo.image = image;
    photo.timing = { total: milliseconds, speed: image.speed };
    if (model !== undefined) photo.model = model;
    else delete photo.model;
    photo.state = "done";
    ui.keyForm.hidden = true;
  } catch (error) {
    photo.problem = error instanceof Problem ? error : new Problem("This page failed", String(error));
    photo.state = "failed";
  }
  showOnThumb(photo);
  showState(photo);
  const timed = photos.flatMap(({ file, timing }) => (timing === undefined ? [] : [{ photo: file.name, timing }]));
  showComparison(timed);
  if (current !== photo || camera !== undefined) return;
  if (photo.image !== undefined) {
    stage.setPicture(photo.picture, photo.image.shape, photo.file.name);
    const shown = visible(photo.image.results, filter());
    const time = photo.timing === undefined ? "" : ` In ${format(photo.timing.total)} milliseconds.`;
    say(`${photo.file.name}: ${objects(shown.length)}. ${summaryOf(shown)}${time}`);
  }
  render();
}

/** @param {Photo} photo */
function showOnThumb({ thumb, state, image, file }) {
  thumb.querySelector(".badge")?.remove();
  const count = image === undefined ? 0 : visible(image.results, filter()).length;
  const text = state === "failed" ? "!" : String(count);
  thumb.append(make("span", { class: "badge", "aria-hidden": "true" }, [text]));
  thumb.setAttribute("aria-label", `${file.name}, ${state === "failed" ? "failed" : objects(count)}`);
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

// The camera

async function openCamera() {
  hideProblem();
  ui.camera.disabled = true;
  let listed = 0;
  let spoken = 0;
  /** @type {number[]} */
  const arrivals = [];
  try {
    const opened = await Camera.open(facing, target, {
      onResult: (frame, image, milliseconds) => {
        if (camera !== opened) return;
        const now = performance.now();
        arrivals.push(now);
        while ((arrivals[0] ?? now) < now - 2000) arrivals.shift();
        liveImage = image;
        hideProblem();
        stage.setPicture(frame, image.shape, "Camera");
        const shown = visible(image.results, filter());
        stage.show(shown, undefined);
        if (now - listed < CALM_MS.list) return;
        listed = now;
        const rate = (arrivals.length - 1) / Math.max(0.1, (now - (arrivals[0] ?? now)) / 1000);
        ui.liveText.textContent = `Camera, ${rate.toFixed(1)} frames a second`;
        showTiming({ total: milliseconds, speed: image.speed }, "ms from a frame to its boxes");
        if (!findings.inUse) renderText(image.results, shown);
        renderCode(shown);
        if (now - spoken < CALM_MS.spoken || ui.status.textContent === summaryOf(shown)) return;
        spoken = now;
        say(summaryOf(shown));
      },
      onProblem: (problem) => showProblem(problem),
      onEnd: (problem) => {
        closeCamera();
        showProblem(problem);
      },
    });
    camera = opened;
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

/** The stream to open, with the key as a protocol because a page cannot set headers of a WebSocket. */
function target() {
  return { url: streamAddress(chosenModel()), protocols: key === "" ? ["yolo"] : ["yolo", `key.${key}`] };
}

function closeCamera() {
  if (camera === undefined) return;
  camera.stop();
  camera = undefined;
  liveImage = undefined;
  ui.live.hidden = true;
  ui.turn.hidden = true;
  ui.camera.setAttribute("aria-pressed", "false");
  ui.cameraText.textContent = "Open camera";
  if (current === undefined) stage.clear();
  else void look(current);
  ui.welcome.hidden = current !== undefined;
  render();
}

// The service

function loadedModel() {
  return info?.models.find(({ name }) => name === ui.model.value) ?? info?.models[0];
}

/** The model that requests name; undefined where there is only one. */
function chosenModel() {
  return info !== undefined && info.models.length > 1 ? ui.model.value : undefined;
}

async function connect() {
  try {
    info = await fetchInfo(key);
    ui.keyForm.hidden = true;
    const { models } = info;
    ui.model.replaceChildren(...models.map(({ name, task }) => make("option", { value: name }, [`${name} (${task})`])));
    const several = models.length > 1;
    ui.model.hidden = !several;
    ui.modelLabel.hidden = !several;
    ui.modelName.hidden = several;
    const [model] = models;
    if (model !== undefined) ui.modelName.textContent = `${model.name}, ${model.names.length} classes`;
  } catch (error) {
    showProblem(error, () => void connect());
  }
}

// What a person does

ui.files.addEventListener("change", () => {
  void add(ui.files.files ?? []);
  ui.files.value = "";
});
ui.sample.addEventListener("click", async () => {
  try {
    const response = await fetch(SAMPLE);
    if (!response.ok) throw new Problem("The sample is missing", `The service answered ${response.status}.`);
    await add([new File([await response.blob()], "street.jpg", { type: "image/jpeg" })]);
  } catch (error) {
    showProblem(error);
  }
});
ui.camera.addEventListener("click", () => {
  if (camera === undefined) void openCamera();
  else closeCamera();
});
ui.turn.addEventListener("click", () => {
  facing = facing === "environment" ? "user" : "environment";
  closeCamera();
  void openCamera();
});
ui.confidence.addEventListener("input", () => {
  render();
  for (const photo of photos) if (photo.state === "done") showOnThumb(photo);
});
ui.confidence.addEventListener("change", () => say(`${objects(visible(results(), filter()).length)} shown.`));
ui.model.addEventListener("change", () => {
  hidden.clear();
  if (camera !== undefined) {
    closeCamera();
    void openCamera();
  } else if (current !== undefined) {
    retry(current);
  }
});
ui.retry.addEventListener("click", () => {
  hideProblem();
  again?.();
});
ui.dismiss.addEventListener("click", hideProblem);
ui.keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  key = ui.key.value.trim();
  ui.key.value = "";
  sessionStorage.setItem(KEY_ITEM, key);
  hideProblem();
  ui.keyForm.hidden = true;
  void connect().then(() => {
    for (const photo of photos) if (photo.problem?.code === "YOLO_KEY_INVALID") retry(photo);
  });
});
ui.copy.addEventListener("click", () => void copied(ui.copy, ui.command.textContent ?? ""));
ui.copyJson.addEventListener("click", () => {
  const image = camera === undefined ? current?.image : liveImage;
  if (image === undefined) return;
  void copied(ui.copyJson, JSON.stringify({ ...image, results: visible(image.results, filter()) }, undefined, 2));
});
ui.save.addEventListener("click", async () => {
  const blob = await stage.toBlob();
  if (blob === null) return;
  const url = URL.createObjectURL(blob);
  const name = (camera === undefined ? current?.file.name : "camera") ?? "picture";
  make("a", { href: url, download: `${name.replace(/\.\w+$/, "")}-found.png` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});

/**
 * @param {HTMLButtonElement} button
 * @param {string} text
 */
async function copied(button, text) {
  const label = button.dataset.label ?? button.textContent ?? "";
  button.dataset.label = label;
  const done = await copyText(text);
  button.textContent = done ? "Copied" : "Select and copy it by hand";
  say(button.textContent);
  setTimeout(() => {
    button.textContent = label;
  }, 2000);
}

document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])].filter(({ type }) => type.startsWith("image/"));
  if (files.length === 0) return;
  event.preventDefault();
  void add(files);
});
let depth = 0;
for (const [type, change] of /** @type {const} */ ([
  ["dragenter", 1],
  ["dragleave", -1],
])) {
  document.addEventListener(type, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    depth += change;
    document.body.classList.toggle("dragging", depth > 0);
  });
}
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("dragging");
  void add(event.dataTransfer?.files ?? []);
});

render();
await connect();
