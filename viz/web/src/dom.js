// Elements made of plain text: nothing that comes from a file is ever read as markup.

/** Make an element. Attributes starting with "on" are listeners; children are elements or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (value === undefined) continue;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/** A drop-down list of [value, text] pairs. */
export function select(label, options, value, change, attributes = {}) {
  const list = make("select", { ...attributes, "aria-label": label, onchange: () => change(list.value) });
  fill(list, options, value);
  return list;
}

/** Give a drop-down list other options; one that has them already may be open, and stays so. */
export function fill(list, options, value) {
  const known = Array.from(list.options, (option) => [option.value, option.textContent]);
  const wanted = options.map(([key, text]) => [String(key), text]);
  if (JSON.stringify(known) !== JSON.stringify(wanted)) list.replaceChildren(...options.map(([key, text]) => make("option", { value: String(key) }, text)));
  list.value = String(value);
}

/** A button that is on or off. */
export function toggle(text, on, change, attributes = {}) {
  const button = make(
    "button",
    {
      type: "button",
      class: "toggle",
      "aria-pressed": String(on),
      ...attributes,
      onclick: () => change(button.getAttribute("aria-pressed") !== "true"),
    },
    text,
  );
  return button;
}

/** A slider with its value beside it. */
export function slider(label, { min, max, step, value, id }, format, change) {
  const output = make("output", {}, format(value));
  const input = make("input", {
    type: "range",
    min: String(min),
    max: String(max),
    step: String(step),
    id,
    "aria-label": label,
    oninput: () => {
      row.set(input.value);
      change(Number(input.value));
    },
  });
  const row = make("label", { class: "slider" }, make("span", {}, label), input, output);
  row.set = (next) => {
    input.value = String(next);
    output.textContent = format(Number(next));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  row.set(value);
  row.input = input;
  return row;
}
