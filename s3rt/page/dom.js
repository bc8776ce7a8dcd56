/* Elements made of data. Text is only ever set as text: keys are written by strangers, and the
 * page's policy (trusted types) refuses everything that would read text as markup. */

const SVG = "http://www.w3.org/2000/svg";

/** An element. `properties` are attributes; `on…` are listeners, `text` its text, null is left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined));
  return element;
}

/** Puts new content into a container; what had the focus keeps it, by its `data-focus`. */
export function replace(container, ...nodes) {
  const focused = document.activeElement?.closest?.("[data-focus]");
  const name = focused && container.contains(focused) ? focused.dataset.focus : null;
  container.replaceChildren(...nodes.flat().filter(Boolean));
  if (name !== null) {
    for (const one of container.querySelectorAll("[data-focus]")) {
      if (one.dataset.focus === name) one.focus({ preventScroll: true });
    }
  }
}

export const byId = (id) => document.getElementById(id);

/** Tells screen readers; the same words twice are told once. */
export function announce(words) {
  const region = byId("announcer");
  if (region.textContent !== words) region.textContent = words;
}

/** What is said instead of content: empty, loading or in trouble. */
export function note(words, kind = "empty") {
  return h("p", { class: `note ${kind}`, text: words });
}
