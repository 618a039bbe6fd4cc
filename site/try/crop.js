// Cutting a crop out of an image, and making it the network's input: hpe_lib/data/warp.py and crops.py in the browser.
import { invert } from "./geometry.js";

const MEAN = [0.485, 0.456, 0.406], STD = [0.229, 0.224, 0.225];  // RGB, of ImageNet

// Bilinear, black outside the image. image: {data, width, height} RGBA, as a canvas gives it. matrix: image px to crop px.
// Returns {data, width, height}, RGBA, rounded to whole numbers as hpe_lib does.
export function cut(image, matrix, [width, height]) {
  const [a, b, c, d, e, f] = invert(matrix), data = new Uint8ClampedArray(width * height * 4);
  const { data: pixels, width: imageWidth, height: imageHeight } = image;
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at += 4) {
      const x = a * column + b * row + c, y = d * column + e * row + f;
      const left = Math.floor(x), top = Math.floor(y);
      data[at + 3] = 255;
      for (let corner = 0; corner < 4; corner++) {
        const i = left + (corner & 1), j = top + (corner >> 1);
        if (i < 0 || j < 0 || i >= imageWidth || j >= imageHeight) continue;
        const weight = (1 - Math.abs(x - i)) * (1 - Math.abs(y - j)), from = 4 * (j * imageWidth + i);
        for (let channel = 0; channel < 3; channel++) sums[channel] += weight * pixels[from + channel];
      }
      for (let channel = 0; channel < 3; channel++) {
        data[at + channel] = Math.floor(sums[channel] + 0.5);
        sums[channel] = 0;
      }
    }
  }
  return { data, width, height };
}
const sums = [0, 0, 0];

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
