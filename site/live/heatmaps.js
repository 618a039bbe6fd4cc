// One target heatmap, there and back: hpe_lib.heatmaps.encode and decode (bare argmax) in the browser.

// keypoint: [x, y] crop px. size: [width, height] cells. sigma: cells. -> {heatmap (height x width, row by row), weight}
export function encode(keypoint, labelled, [width, height], stride, sigma) {
  const radius = Math.trunc(3 * sigma);
  // in 32 bits, as torch computes it: which cell is nearest may hang on the last bit
  const middle = keypoint.map((place) => Math.trunc(Math.fround(Math.fround(Math.fround(place) / stride) + 0.5)));
  const inside = middle[0] - radius < width && middle[1] - radius < height && middle.every((m) => m + radius + 1 >= 0);
  const weight = labelled && inside ? 1 : 0, heatmap = new Float64Array(width * height);
  const bell = (distance) => (Math.abs(distance) <= radius ? Math.exp(-(distance ** 2) / (2 * sigma ** 2)) : 0);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) heatmap[y * width + x] = weight * bell(x - middle[0]) * bell(y - middle[1]);
  }
  return { heatmap, weight };
}

// The highest cell, in crop px.
export function argmax(heatmap, width, stride) {
  let best = 0;
  for (let cell = 1; cell < heatmap.length; cell++) if (heatmap[cell] > heatmap[best]) best = cell;
  return heatmap[best] > 0 ? [stride * (best % width), stride * Math.floor(best / width)] : [0, 0];
}
