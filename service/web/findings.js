// The list of what was found, and its filters.

/** @import { Detection } from "../contract.ts" */

import { byId, make } from "./dom.js";
import { extent } from "./draw.js";
import { colourOf } from "./marks.js";

/**
 * @typedef {object} Filter
 * @property {number} confidence what is shown is surer than this, 0 to 1
 * @property {ReadonlySet<number>} hidden indices of classes that are not shown
 */

/**
 * @param {readonly Detection[]} results
 * @param {Filter} filter
 */
export function visible(results, { confidence, hidden }) {
  return results.filter((one) => one.confidence > confidence && !hidden.has(one.class));
}

/**
 * Numbers of objects by class, most frequent first.
 * @param {readonly Detection[]} results
 */
export function countClasses(results) {
  /** @type {Map<number, { index: number, name: string, count: number }>} */
  const classes = new Map();
  for (const { class: index, name } of results) {
    const entry = classes.get(index) ?? { index, name, count: 0 };
    entry.count++;
    classes.set(index, entry);
  }
  return [...classes.values()].sort((a, b) => b.count - a.count || a.index - b.index);
}

/**
 * What is shown, in one sentence.
 * @param {readonly Detection[]} results
 */
export function summaryOf(results) {
  if (results.length === 0) return "Nothing was found.";
  if (results.every(({ box }) => box === undefined)) {
    return `This is most likely: ${results[0]?.name ?? ""}.`;
  }
  const parts = countClasses(results).map(({ name, count }) => `${count} × ${name}`);
  return `${parts.join(", ")}.`;
}

/** @param {number} count */
export function objects(count) {
  return `${count} ${count === 1 ? "object" : "objects"}`;
}

const percent = (/** @type {number} */ share) => `${Math.round(share * 100)}%`;

/** The list and the chips of one page. */
export class FindingsView {
  #list = byId("list", HTMLOListElement);
  #chips = byId("classes", HTMLDivElement);
  #none = byId("none", HTMLParagraphElement);
  /** @type {WeakMap<Element, Detection>} */
  #detections = new WeakMap();
  /** @type {(detection: Detection | undefined, chosen: boolean) => void} */
  #onLook;

  /**
   * @param {object} events
   * @param {(detection: Detection | undefined, chosen: boolean) => void} events.onLook an object is pointed at, or chosen to stay in view
   * @param {(index: number) => void} events.onClass a class is shown or hidden
   */
  constructor({ onLook, onClass }) {
    this.#onLook = onLook;
    this.#chips.addEventListener("click", ({ target }) => {
      const chip = target instanceof Element ? target.closest("button") : null;
      if (chip !== null) onClass(Number(chip.dataset.class));
    });
    for (const type of ["pointerover", "focusin"])
      this.#list.addEventListener(type, (event) => this.#look(event, false));
    for (const type of ["pointerleave", "focusout"]) this.#list.addEventListener(type, () => onLook(undefined, false));
    this.#list.addEventListener("click", (event) => this.#look(event, true));
  }

  /**
   * @param {Event} event
   * @param {boolean} chosen
   */
  #look({ target }, chosen) {
    const item = target instanceof Element ? target.closest("button") : null;
    if (item !== null) this.#onLook(this.#detections.get(item), chosen);
  }

  /**
   * @param {readonly Detection[]} all what came
   * @param {readonly Detection[]} shown what passes the filter
   * @param {Filter} filter
   * @param {Detection | undefined} chosen
   */
  show(all, shown, { confidence, hidden }, chosen) {
    const sure = all.filter((one) => one.confidence > confidence);
    this.#showChips(countClasses(all), countClasses(sure), hidden);
    this.#none.hidden = shown.length > 0 || all.length === 0;
    const focused = [...this.#list.querySelectorAll("button")].indexOf(
      /** @type {HTMLButtonElement} */ (document.activeElement),
    );
    this.#list.replaceChildren(...shown.map((detection) => this.#item(detection, detection === chosen)));
    if (focused >= 0) this.#list.querySelectorAll("button")[Math.min(focused, shown.length - 1)]?.focus();
  }

  /** Whether somebody is in the list with the keyboard or the mouse. */
  get inUse() {
    return this.#list.matches(":hover, :focus-within");
  }

  /**
   * @param {ReturnType<typeof countClasses>} classes
   * @param {ReturnType<typeof countClasses>} counts
   * @param {ReadonlySet<number>} hidden
   */
  #showChips(classes, counts, hidden) {
    const known = [...this.#chips.children].map((chip) => (chip instanceof HTMLElement ? chip.dataset.class : ""));
    const wanted = classes.map(({ index }) => String(index)).sort();
    // A chip that is kept keeps the focus.
    if (known.toSorted().join() !== wanted.join()) {
      this.#chips.replaceChildren(
        ...classes.map(({ index, name }) => {
          const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
          const chip = make("button", { type: "button", class: "chip", "data-class": String(index) }, [
            swatch,
            name,
            " ",
          ]);
          chip.style.setProperty("--swatch", colourOf(index));
          chip.append(make("span", { class: "number" }));
          return chip;
        }),
      );
    }
    for (const chip of this.#chips.querySelectorAll("button")) {
      const index = Number(chip.dataset.class);
      chip.setAttribute("aria-pressed", String(!hidden.has(index)));
      const number = chip.querySelector(".number");
      if (number !== null) number.textContent = String(counts.find((entry) => entry.index === index)?.count ?? 0);
    }
  }

  /**
   * @param {Detection} detection
   * @param {boolean} chosen
   */
  #item(detection, chosen) {
    const { name, track_id: id, confidence } = detection;
    const place = extent(detection);
    const where =
      place === undefined
        ? ""
        : `${Math.round(place.right - place.left)} × ${Math.round(place.bottom - place.top)} px at ${Math.round(place.left)}, ${Math.round(place.top)}`;
    const text = make("span", { class: "name" }, [id === undefined ? name : `${name} #${id}`]);
    text.append(make("span", { class: "place" }, [where]));
    const fill = make("span");
    fill.style.width = percent(confidence);
    const button = make("button", { type: "button", class: "item", "aria-current": chosen && "true" }, [
      make("span", { class: "swatch", "aria-hidden": "true" }),
      text,
      make("span", { class: "meter", "aria-hidden": "true" }, [fill]),
      make("span", { class: "value" }, [percent(confidence)]),
    ]);
    button.style.setProperty("--swatch", colourOf(detection.class));
    this.#detections.set(button, detection);
    return make("li", {}, [button]);
  }
}
