// The panel of notebook 07, live: move a joint, and see its similarity, OKS, and the thresholds that are still reached.
import { oks, ringRadius, similarity, THRESHOLDS } from "./oks.js";
import { COLORS, KEYPOINTS, control, dragCanvas, install, make, person } from "./panel.js";

const REACH = 60, CLOSE = 360, SHOWN = 360;  // half the close-up's side in px; sides of both canvases
const RINGS = [[0.5, COLORS.red, []], [0.75, COLORS.orange, [8, 5]], [0.95, COLORS.green, [2, 4]]];
const LIMBS = [[15, 13], [13, 11], [16, 14], [14, 12], [11, 12], [5, 11], [6, 12], [5, 6], [5, 7], [6, 8], [7, 9], [8, 10], [1, 2],
  [0, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 6]];

const about = await person();
const labelled = KEYPOINTS.map((name, index) => [index, name]).filter(([index]) => about.pose[index][2] > 0);
const [jointLabel, joint] = control("joint", { options: labelled, value: "9" });
const [xLabel, dx, xSaid] = control("dx (px)", { type: "range", min: -50, max: 50, value: 10 });
const [yLabel, dy, ySaid] = control("dy (px)", { type: "range", min: -50, max: 50, value: 0 });
const [sizeLabel, size] = control("person's size (factor)", { type: "range", min: 0.25, max: 1.5, step: 0.25, value: 1 });
const [everyLabel, every] = control("move all labelled joints", { type: "checkbox" });
const said = make("p", { className: "said" }), ladder = make("ol", { className: "ladder" });
said.setAttribute("role", "status");

function move(x, y) {
  const inside = (value) => Math.round(Math.min(Math.max(value, -50), 50));
  [dx.value, dy.value] = [inside(x), inside(y)];
  xSaid();
  ySaid();
  draw();
}
const toPx = (value) => (value - CLOSE / 2) / CLOSE * 2 * REACH;
const close = dragCanvas(CLOSE, CLOSE, "", (x, y) => move(toPx(x), toPx(y)), (x, y) => move(Number(dx.value) + x, Number(dy.value) + y));
const whole = make("canvas", { width: SHOWN, height: SHOWN });
whole.setAttribute("role", "img");

function disc(context, x, y, radius, fill) {
  context.fillStyle = fill;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}

function drawWhole(index, moved) {
  const context = whole.getContext("2d"), [x, y, wide, high] = about.box, scale = SHOWN / (1.2 * Math.max(wide, high));
  context.setTransform(scale, 0, 0, scale, SHOWN / 2 - scale * (x + wide / 2), SHOWN / 2 - scale * (y + high / 2));
  context.drawImage(about.image, 0, 0);
  context.lineWidth = 3 / scale;
  for (const [a, b] of LIMBS.filter((limb) => limb.every((end) => about.pose[end][2] > 0))) {
    context.strokeStyle = a % 2 && b % 2 ? COLORS.orange : a % 2 === 0 && b % 2 === 0 && a && b ? COLORS.blue : COLORS.green;
    context.beginPath();
    context.moveTo(moved[a][0] + 0.5, moved[a][1] + 0.5);
    context.lineTo(moved[b][0] + 0.5, moved[b][1] + 0.5);
    context.stroke();
  }
  context.strokeStyle = "black";
  context.lineWidth = 1 / scale;
  disc(context, moved[index][0] + 0.5, moved[index][1] + 0.5, 5 / scale, COLORS.pink);
}

function drawClose(index, area) {
  const context = close.getContext("2d"), scale = CLOSE / (2 * REACH), center = CLOSE / 2;
  context.resetTransform();
  context.fillStyle = "white";
  context.fillRect(0, 0, CLOSE, CLOSE);
  context.font = "13px sans-serif";
  RINGS.forEach(([value, paint, dash], row) => {
    context.setLineDash(dash);
    context.lineWidth = 2;
    context.strokeStyle = paint;
    context.beginPath();
    context.arc(center, center, scale * ringRadius(value, index, area), 0, 2 * Math.PI);
    context.moveTo(10, CLOSE - 14 - 18 * row);
    context.lineTo(40, CLOSE - 14 - 18 * row);
    context.stroke();
    context.fillStyle = "black";
    context.fillText(`similarity ${value}`, 46, CLOSE - 10 - 18 * row);
  });
  context.setLineDash([]);
  context.strokeStyle = "black";
  context.lineWidth = 1;
  const [x, y] = [center + scale * dx.value, center + scale * dy.value];
  context.beginPath();
  context.moveTo(center, center);
  context.lineTo(x, y);
  context.stroke();
  context.fillStyle = COLORS.sky;
  context.fillRect(center - 5, center - 5, 10, 10);
  context.strokeRect(center - 5, center - 5, 10, 10);
  disc(context, x, y, 6, COLORS.pink);
}

function draw() {
  const index = Number(joint.value), factor = Number(size.value), offset = [Number(dx.value), Number(dy.value)];
  const area = about.area * factor ** 2, truth = about.pose.map(([x, y, v]) => [x * factor, y * factor, v]);
  const shift = (row, place) => (every.checked ? row[2] > 0 : place === index);
  const pose = truth.map((row, place) => (shift(row, place) ? [row[0] + offset[0], row[1] + offset[1]] : row.slice(0, 2)));
  const value = oks(truth, area, pose), one = similarity(offset, index, area);
  const reached = THRESHOLDS.filter((threshold) => value >= threshold).length;
  drawWhole(index, pose.map((place) => place.map((number) => number / factor)));
  drawClose(index, area);
  ladder.replaceChildren(...[...THRESHOLDS].reverse().map((threshold) => {
    const found = value >= threshold;
    return make("li", { className: found ? "found" : "missed", textContent: `${threshold.toFixed(2)} ${found ? "found" : "missed"}` });
  }));
  const what = every.checked ? `all ${labelled.length} labelled joints moved` : `${KEYPOINTS[index]} moved`;
  said.textContent = `${what} by ${Math.hypot(...offset).toFixed(1)} px on a person of ${Math.round(area).toLocaleString("en")} px². `
    + `Similarity of the ${KEYPOINTS[index]} ${one.toFixed(3)}, OKS ${value.toFixed(3)}: found at ${reached} of 10 thresholds.`;
  close.setAttribute("aria-label", `Rings round the label: ${said.textContent} Drag the predicted joint, or use the arrow keys.`);
  whole.setAttribute("aria-label", `The person with the moved ${KEYPOINTS[index]}.`);
}

for (const input of [joint, dx, dy, size, every]) input.addEventListener("input", draw);
const how = make("p", { textContent: "Drag the predicted joint (pink disc) among the rings, or select the rings and press the arrow keys." });
install("oks", about, make("div", { className: "controls" }, jointLabel, xLabel, yLabel, sizeLabel, everyLabel), said,
  make("div", { className: "views" }, whole, close, ladder), how);
draw();
