// Small helpers around the document.

/**
 * The element with an id, which the page must have, as an instance of a class.
 * @template {Element} Kind
 * @param {string} id
 * @param {abstract new (...args: never[]) => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`Expected an element #${id} of ${kind.name} but received ${found}.`);
  return found;
}

/**
 * Makes an element with attributes and content; what is text stays text.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Readonly<Record<string, string | boolean>>} [attributes] false leaves one out
 * @param {readonly (Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, attributes = {}, children = []) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/**
 * A text on the clipboard; false when the browser does not allow it.
 * @param {string} text
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
