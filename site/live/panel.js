// What both live panels share: their place in the page, their controls, and the person that they show.

export const KEYPOINTS = [
  "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
  "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle",
  "right ankle",
];
export const COLORS = { blue: "#0072B2", orange: "#E69F00", green: "#009E73", red: "#D55E00", pink: "#CC79A7", sky: "#56B4E9" };

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A labelled control. options: of a <select>; else the properties of an <input>. -> [label, control]
export function control(text, { options, ...properties }) {
  const input = make(options ? "select" : "input", properties);
  for (const [value, said] of options ?? []) input.add(new Option(said, value));
  if (properties.value !== undefined) input.value = properties.value;
  const said = make("output", { textContent: input.type === "range" ? input.value : "" });
  if (input.type === "range") input.addEventListener("input", () => { said.textContent = input.value; });
  return [make("label", {}, `${text} `, input, " ", said), input, () => { said.textContent = input.type === "range" ? input.value : ""; }];
}

// A canvas that the mouse drags in and the arrow keys move in. move(x, y): px of the canvas. step(dx, dy): arrow keys.
export function dragCanvas(width, height, label, move, step) {
  const canvas = make("canvas", { width, height, tabIndex: 0 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  canvas.style.touchAction = "none";
  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    move((event.clientX - frame.left) / frame.width * width, (event.clientY - frame.top) / frame.height * height);
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); place(event); });
  canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) place(event); });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (by) { event.preventDefault(); step(...by); }
  });
  return canvas;
}

// The person and the picture of our photographs that both panels show.
export async function person() {
  const about = await (await fetch(new URL("person.json", import.meta.url))).json();
  const load = async (name) => createImageBitmap(await (await fetch(new URL(name, import.meta.url))).blob());
  return { ...about, crop: await load("crop.png"), image: await load("image.jpg") };
}

// Put a panel in the place of the saved picture and of the note that it needs a kernel.
export function install(name, about, ...parts) {
  const home = document.querySelector(`[data-live="${name}"]`);
  const link = (text, href) => make("a", { href, textContent: text });
  const credit = make("p", { className: "credit" }, "Photograph: ", link("its author's page", about.page), ", ",
    link(about.licence, about.licenceUrl), ". The joints are COCO's labels.");
  home.append(...parts, credit);
  home.hidden = false;
  home.previousElementSibling?.querySelector(".cell_output")?.setAttribute("hidden", "");
  let next = home.nextElementSibling;
  while (next?.tagName === "SCRIPT") next = next.nextElementSibling;
  if (next?.classList.contains("panel-note")) next.hidden = true;
}
