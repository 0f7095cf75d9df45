// The page: takes photos and the camera's frames to the service, and shows what it finds.

import { copyText, make } from "./dom.js";
import { objects, visible } from "./findings.js";
import { closeCamera, openCamera, reopenCamera, turnCamera } from "./live.js";
import { add, look, retry, showOnThumb } from "./photos.js";
import { fetchInfo, Problem } from "./service.js";
import { filter, keepKey, shownImage, state } from "./state.js";
import { ui } from "./ui.js";
import { hideProblem, render, say, showProblem, stage } from "./view.js";

const SAMPLE = new URL("./sample.jpg", import.meta.url);

async function connect() {
  try {
    state.info = await fetchInfo(state.key);
    ui.keyForm.hidden = true;
    const { models } = state.info;
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

/** @param {Iterable<File>} files */
function take(files) {
  const list = [...files];
  if (list.length > 0) closeCamera();
  void add(list);
}

ui.files.addEventListener("change", () => {
  take(ui.files.files ?? []);
  ui.files.value = "";
});
ui.sample.addEventListener("click", async () => {
  try {
    const response = await fetch(SAMPLE);
    if (!response.ok) throw new Problem("The sample is missing", `The service answered ${response.status}.`);
    take([new File([await response.blob()], "street.jpg", { type: "image/jpeg" })]);
  } catch (error) {
    showProblem(error);
  }
});
ui.strip.addEventListener("click", ({ target }) => {
  const thumb = target instanceof Element ? target.closest("button") : null;
  const photo = state.photos.find((one) => one.thumb === thumb);
  if (photo === undefined) return;
  closeCamera();
  void look(photo);
});
ui.camera.addEventListener("click", () => {
  if (state.camera === undefined) void openCamera();
  else closeCamera();
});
ui.turn.addEventListener("click", turnCamera);
ui.confidence.addEventListener("input", () => {
  render();
  for (const photo of state.photos) if (photo.state === "done") showOnThumb(photo);
});
ui.confidence.addEventListener("change", () => {
  say(`${objects(visible(shownImage()?.results ?? [], filter()).length)} shown.`);
});
ui.model.addEventListener("change", () => {
  state.hidden.clear();
  if (state.camera !== undefined) reopenCamera();
  else if (state.current !== undefined) retry(state.current);
});
ui.keyForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  keepKey(ui.key.value.trim());
  ui.key.value = "";
  hideProblem();
  ui.keyForm.hidden = true;
  await connect();
  for (const photo of state.photos) if (photo.problem?.code === "YOLO_KEY_INVALID") retry(photo);
});
ui.copy.addEventListener("click", () => void copied(ui.copy, ui.command.textContent ?? ""));
ui.copyJson.addEventListener("click", () => {
  const image = shownImage();
  if (image === undefined) return;
  void copied(ui.copyJson, JSON.stringify({ ...image, results: visible(image.results, filter()) }, undefined, 2));
});
ui.save.addEventListener("click", async () => {
  const blob = await stage.toBlob();
  if (blob === null) return;
  const url = URL.createObjectURL(blob);
  const name = (state.camera === undefined ? state.current?.file.name : "camera") ?? "picture";
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
  take(files);
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
  take(event.dataTransfer?.files ?? []);
});

render();
await connect();
