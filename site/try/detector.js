// Finding people: hpe_lib/predict/detect.py in the browser. The whole picture in a letterbox, one network, the peaks of its
// heatmap of centres, and of boxes that nearly cover each other only the best.
import { cut, networkInput } from "./crop.js";
import { boxInImage } from "./geometry.js";
import { loadSession } from "./network.js";

// The matrix, picture px to input px, and the input's size: whole multiples of 32 px, black bars round the picture.
export function letterbox(imageSize, side) {
  const scale = side / Math.max(...imageSize);
  const size = imageSize.map((length) => Math.max(1, Math.ceil(Math.round(scale * length * 1e6) / 1e6 / 32)) * 32);
  const [x, y] = size.map((whole, axis) => (whole - scale * imageSize[axis]) / 2);
  return { matrix: [scale, 0, x, 0, scale, y], size };
}

// Average squares of `whole` x `whole` pixels, so that a much smaller picture skips none.
function reduce({ data, width, height }, whole) {
  const [wide, high] = [Math.ceil(width / whole), Math.ceil(height / whole)], small = new Uint8ClampedArray(4 * wide * high);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const [right, low] = [Math.min(width, (x + 1) * whole), Math.min(height, (y + 1) * whole)], sums = [0, 0, 0];
      for (let j = y * whole; j < low; j++) {
        for (let i = x * whole; i < right; i++) for (let c = 0; c < 3; c++) sums[c] += data[4 * (j * width + i) + c];
      }
      const count = (right - x * whole) * (low - y * whole);
      small.set([...sums.map((sum) => Math.floor(sum / count + 0.5)), 255], 4 * (y * wide + x));
    }
  }
  return { data: small, width: wide, height: high };
}

// The part of an image that a matrix shows, as `data.shrink` cuts it.
export function shrink(image, [scale, , x, , , y], size) {
  const whole = Math.floor(Math.min(1 / scale, image.width, image.height));
  if (whole <= 1) return cut(image, [scale, 0, x, 0, scale, y], size);
  const middle = (whole - 1) / 2 * scale;
  return cut(reduce(image, whole), [scale * whole, 0, x + middle, 0, scale * whole, y + middle], size);
}

// Five numbers a cell -> boxes [x, y, width, height, score] in input px, one for each peak at or above the threshold.
export function decodeBoxes(numbers, width, height, stride, threshold) {
  const area = width * height, at = (cell, which) => numbers[which * area + cell], found = [];
  for (let cell = 0; cell < area; cell++) {
    const score = 1 / (1 + Math.exp(-at(cell, 0))), x = cell % width, y = (cell - x) / width;
    if (score < threshold) continue;
    let peak = true;
    for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++) {
      for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++) peak &&= at(j * width + i, 0) <= at(cell, 0);
    }
    if (!peak) continue;
    const [wide, high] = [1, 2].map((which) => Math.exp(Math.min(at(cell, which), 8)));
    const [middleX, middleY] = [x + at(cell, 3), y + at(cell, 4)];
    found.push([...[middleX - wide / 2, middleY - high / 2, wide, high].map((value) => stride * value), score]);
  }
  return found;
}

// Intersection over union of two boxes.
function shared([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const wide = Math.min(ax + aw, bx + bw) - Math.max(ax, bx), high = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  const common = Math.max(0, wide) * Math.max(0, high);
  return common / (aw * ah + bw * bh - common);
}

// Boxes, best first, without those that overlap a better one by more than `overlap`.
export function suppress(boxes, overlap) {
  const kept = [];
  for (const box of [...boxes].sort((a, b) => b[4] - a[4])) if (!kept.some((better) => shared(box, better) > overlap)) kept.push(box);
  return kept;
}

// The detector, fetched: findPeople(ImageData) -> boxes [x, y, width, height, score] in image px, best first.
export async function loadDetector(kind, progress) {
  const { ort, session, about } = await loadSession("detector", kind, progress);
  return {
    async findPeople(image) {
      const { matrix, size } = letterbox([image.width, image.height], about.side);
      const tensor = new ort.Tensor("float32", networkInput([shrink(image, matrix, size)]), [1, 3, size[1], size[0]]);
      const { outputs } = await session.run({ images: tensor });
      const boxes = decodeBoxes(outputs.data, outputs.dims[3], outputs.dims[2], about.stride, about.threshold);
      const [scale, , left, , , top] = matrix;
      const there = boxes.map(([x, y, w, h, score]) => [(x - left) / scale, (y - top) / scale, w / scale, h / scale, score]);
      return suppress(there, about.overlap).map((box) => [boxInImage(box, image.width + 1, image.height + 1), box[4]])
        .filter(([box]) => box && box[2] >= 1 && box[3] >= 1).map(([box, score]) => [...box, score]);
    },
  };
}
