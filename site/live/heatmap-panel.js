// The panel of notebook 02, live: one joint's target, its sigma and stride, and what the highest cell gives back.
import { argmax, encode } from "./heatmaps.js";
import { COLORS, KEYPOINTS, control, dragCanvas, install, make, person } from "./panel.js";

const ZOOM = 20, SCALE = 1.5, CLOSE = 360;  // half the close-up's side in crop px; canvas px per crop px; close-up's side
const RAMP = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];

const about = await person();
const [width, height] = [about.crop.width, about.crop.height];
const places = about.keypoints.map((place) => [...place]);  // crop px; the visitor may drag them

const [jointLabel, joint] = control("joint", { options: KEYPOINTS.map((name, index) => [index, name]), value: "9" });
const [sigmaLabel, sigma] = control("sigma (cells)", { type: "range", min: 0.5, max: 6, step: 0.5, value: 2 });
const [strideLabel, stride] = control("stride (crop px per cell)", { options: [1, 2, 4, 8].map((s) => [s, s]), value: "4" });
const said = make("p", { className: "said" });
said.setAttribute("role", "status");

function move(x, y) {
  const inside = (value, side) => Math.min(Math.max(value, 0), side - 1);
  places[joint.value] = [inside(x, width), inside(y, height)];
  draw();
}
const step = (dx, dy) => move(places[joint.value][0] + dx, places[joint.value][1] + dy);
const whole = dragCanvas(width * SCALE, height * SCALE, "The crop with the target", (x, y) => move(x / SCALE, y / SCALE), step);
const close = make("canvas", { width: CLOSE, height: CLOSE });
close.setAttribute("role", "img");

function color(value) {
  const at = Math.min(Math.max(value, 0), 1) * (RAMP.length - 1), low = Math.min(Math.floor(at), RAMP.length - 2);
  return RAMP[low].map((from, channel) => from + (RAMP[low + 1][channel] - from) * (at - low));
}

// The heatmap as a picture of its cells.
function cells(heatmap, cellsWide, cellsHigh, clear) {
  const canvas = make("canvas", { width: cellsWide, height: cellsHigh }), context = canvas.getContext("2d");
  const picture = context.createImageData(cellsWide, cellsHigh);
  heatmap.forEach((value, cell) => picture.data.set([...color(value), clear ? 255 * Math.min(1, 0.35 + value) : 255], 4 * cell));
  context.putImageData(picture, 0, 0);
  return canvas;
}

function mark(context, [x, y], fill, square) {
  context.fillStyle = fill;
  context.strokeStyle = square ? "black" : "white";
  context.lineWidth = 2;
  context.beginPath();
  if (square) context.rect(x - 6, y - 6, 12, 12); else context.arc(x, y, 6, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}

function draw() {
  const index = Number(joint.value), [s, cell] = [Number(sigma.value), Number(stride.value)], place = places[index];
  const size = [width / cell, height / cell];
  const { heatmap, weight } = encode(place, about.labelled[index], size, cell, s), point = argmax(heatmap, size[0], cell);
  const context = whole.getContext("2d");
  context.setTransform(SCALE, 0, 0, SCALE, 0.5 * SCALE, 0.5 * SCALE);  // pixel centres on whole numbers
  context.drawImage(about.crop, -0.5, -0.5);
  context.imageSmoothingEnabled = false;
  context.drawImage(cells(heatmap, ...size, true), -cell / 2, -cell / 2, width, height);
  const zoom = close.getContext("2d"), scale = CLOSE / (2 * ZOOM);
  zoom.setTransform(scale, 0, 0, scale, CLOSE / 2 - scale * place[0], CLOSE / 2 - scale * place[1]);
  zoom.fillRect(place[0] - ZOOM, place[1] - ZOOM, 2 * ZOOM, 2 * ZOOM);
  zoom.imageSmoothingEnabled = false;
  zoom.drawImage(cells(heatmap, ...size, false), -cell / 2, -cell / 2, width, height);
  const at = ([x, y]) => [CLOSE / 2 + scale * (x - place[0]), CLOSE / 2 + scale * (y - place[1])];
  zoom.resetTransform();
  if (weight) mark(zoom, at(point), COLORS.green, false);
  mark(zoom, at(place), COLORS.sky, true);
  const error = Math.hypot(point[0] - place[0], point[1] - place[1]);
  const text = weight ? `${KEYPOINTS[index]}, ${size.join(" x ")} cells, stride ${cell} px, sigma ${s} cells: decoded ${error.toFixed(1)} px from the label.`
    : `The ${KEYPOINTS[index]} has no label inside this crop: the target stays empty, and its weight is 0.`;
  said.textContent = text;
  whole.setAttribute("aria-label", `The crop with the target. ${text} Drag the label, or use the arrow keys.`);
  close.setAttribute("aria-label", `Close up: blue square the label, green disc the highest cell. ${text}`);
}

for (const input of [joint, sigma, stride]) input.addEventListener("input", draw);
const how = make("p", { textContent: "Drag the label in the crop, or select the crop and press the arrow keys. Right, close up: the label (square) and the highest cell (disc)." });
install("heatmap", about, make("div", { className: "controls" }, jointLabel, sigmaLabel, strideLabel), said,
  make("div", { className: "views" }, whole, close), how);
draw();
