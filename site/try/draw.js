// Drawing: image, boxes, skeletons, one heatmap over each person, and small maps. Colours as in hpe_lib/plots.py.
import { KEYPOINTS, LIMBS } from "./heatmaps.js";
import { invert, transform } from "./geometry.js";

export const BLUE = "#0072B2", ORANGE = "#E69F00", GREEN = "#009E73", SKY = "#56B4E9";
const RAMP = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];  // dark to bright, about "inferno"

const side = (joint) => (joint === 0 ? GREEN : joint % 2 ? ORANGE : BLUE);
const limbColor = ([a, b]) => (side(a) === side(b) ? side(a) : a === 0 ? side(b) : b === 0 ? side(a) : GREEN);

// A value from 0 to 1 -> [red, green, blue].
function color(value) {
  const place = Math.min(Math.max(value, 0), 1) * (RAMP.length - 1), low = Math.min(Math.floor(place), RAMP.length - 2);
  return RAMP[low].map((from, channel) => from + (RAMP[low + 1][channel] - from) * (place - low));
}

// One map of a person as a canvas of its cells; alpha grows with the value where `clear`.
export function mapCanvas({ data, height, width }, joint, clear = false) {
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  for (let cell = 0; cell < height * width; cell++) {
    const value = data[joint * height * width + cell];
    picture.data.set([...color(value), clear ? 235 * Math.min(Math.max(2 * value, 0), 1) : 255], 4 * cell);
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

// Everything over the image. canvas: as large as the image. shown: {joint (-1: no heatmap), threshold, boxes}.
export function drawPeople(canvas, image, people, { joint, threshold, boxes }) {
  const context = canvas.getContext("2d"), unit = Math.max(canvas.width, canvas.height) / 400;
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  for (const { maps, matrix, crop } of joint < 0 ? [] : people) drawMap(context, maps, matrix, crop, joint);
  context.lineWidth = 1.5 * unit;
  context.strokeStyle = SKY;
  for (const box of boxes) context.strokeRect(...box);
  for (const { pose } of people) drawPose(context, pose, threshold, unit);
}

// One heatmap over its crop's place in the image: cell (0, 0) is centred on pixel (0, 0) of the crop.
function drawMap(context, maps, matrix, crop, joint) {
  const stride = crop.width / maps.width, back = invert(matrix);
  const [left, top] = transform([-stride / 2, -stride / 2], back);
  const [right, bottom] = transform([crop.width - stride / 2, crop.height - stride / 2], back);
  context.imageSmoothingEnabled = false;
  context.drawImage(mapCanvas(maps, joint, true), left + 0.5, top + 0.5, right - left, bottom - top);
}

// The skeleton: the person's left orange, the right blue; joints whose peak is at or below the threshold are left out.
function drawPose(context, pose, threshold, unit) {
  const at = (joint) => [pose[joint][0] + 0.5, pose[joint][1] + 0.5], seen = (joint) => pose[joint][2] > threshold;
  context.lineWidth = 2.4 * unit;
  context.lineCap = "round";
  for (const limb of LIMBS.filter((each) => each.every(seen))) {
    context.strokeStyle = limbColor(limb);
    context.beginPath();
    context.moveTo(...at(limb[0]));
    context.lineTo(...at(limb[1]));
    context.stroke();
  }
  context.lineWidth = 0.6 * unit;
  context.strokeStyle = "white";
  for (let joint = 0; joint < KEYPOINTS.length; joint++) {
    if (!seen(joint)) continue;
    context.fillStyle = side(joint);
    context.beginPath();
    context.arc(...at(joint), 2.6 * unit, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

// A crop as the network sees it.
export function drawCrop(canvas, crop) {
  [canvas.width, canvas.height] = [crop.width, crop.height];
  canvas.getContext("2d").putImageData(new ImageData(crop.data, crop.width, crop.height), 0, 0);
}
