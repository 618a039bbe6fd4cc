// Cutting a crop out of an image, and making it the network's input: hpe_lib/data/warp.py and crops.py in the browser.
import { invert } from "./geometry.js";

const MEAN = [0.485, 0.456, 0.406], STD = [0.229, 0.224, 0.225];  // RGB, of ImageNet

// Where the columns and rows of a crop fall on one axis of the image. [perColumn, perRow, start]: a row of the matrix crop px
// to image px. Rounded to 32 bits as hpe_lib's grid_sample does it: a pixel rounded otherwise may move a joint by half a cell.
function axis([perColumn, perRow, start], [width, height], side) {
  const ends = [0, perColumn * (width - 1)].flatMap((x) => [0, perRow * (height - 1)].map((y) => start + x + y));
  const low = Math.min(Math.max(Math.floor(Math.min(...ends)) - 1, 0), side - 1);  // the first pixel seen
  const size = Math.min(Math.max(Math.ceil(Math.max(...ends)) + 2, low + 1), side) - low;
  const byColumn = round(2 * perColumn / size), byRow = round(2 * perRow / size);
  const offset = round((2 * (start - low) + 1 - size) / size);
  const at = (column, row) => {
    const place = round(round(byColumn * column) + round(round(byRow * row) + offset));  // -1 to 1
    return round(round(place + 1) * (size / 2) - 0.5);  // px from `low`
  };
  return { low, size, at };
}
const round = Math.fround;

// Bilinear, black outside the image. image: {data, width, height} RGBA, as a canvas gives it. matrix: image px to crop px.
// Returns {data, width, height}, RGBA, rounded to whole numbers.
export function cut(image, matrix, cropSize) {
  const [width, height] = cropSize, back = invert(matrix), data = new Uint8ClampedArray(width * height * 4);
  const across = axis(back.slice(0, 3), cropSize, image.width), down = axis(back.slice(3), cropSize, image.height);
  const sums = [0, 0, 0];
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to += 4) {
      const x = across.at(column, row), y = down.at(column, row), left = Math.floor(x), top = Math.floor(y);
      const right = round(x - left), below = round(y - top), shares = [round(1 - right), right, round(1 - below), below];
      sums.fill(0);
      for (let corner = 0; corner < 4; corner++) {
        const i = left + (corner & 1), j = top + (corner >> 1);
        if (i < 0 || j < 0 || i >= across.size || j >= down.size) continue;
        const weight = round(shares[corner & 1] * shares[2 + (corner >> 1)]);
        const from = 4 * ((down.low + j) * image.width + across.low + i);
        for (let channel = 0; channel < 3; channel++) sums[channel] = round(sums[channel] + weight * image.data[from + channel]);
      }
      for (let channel = 0; channel < 3; channel++) data[to + channel] = Math.floor(round(sums[channel] + 0.5));
      data[to + 3] = 255;
    }
  }
  return { data, width, height };
}

// Crops -> Float32Array (N, 3, height, width) with ImageNet's mean and deviation; mirrored: each from right to left.
export function networkInput(crops, mirrored = false) {
  const { width, height } = crops[0], input = new Float32Array(crops.length * 3 * width * height);
  let at = 0;
  for (const { data } of crops) {
    for (let channel = 0; channel < 3; channel++) {
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          const from = row * width + (mirrored ? width - 1 - column : column);
          input[at++] = (data[4 * from + channel] / 255 - MEAN[channel]) / STD[channel];
        }
      }
    }
  }
  return input;
}
