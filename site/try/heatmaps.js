// Heatmaps to points: hpe_lib/heatmaps.py in the browser. maps: {data, count, height, width}, data (count, 17, height, width).

export const KEYPOINTS = [
  "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
  "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle",
  "right ankle",
];
export const LIMBS = [
  [15, 13], [13, 11], [16, 14], [14, 12], [11, 12], [5, 11], [6, 12], [5, 6], [5, 7], [6, 8], [7, 9], [8, 10],
  [1, 2], [0, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 6],
];
const FLIP_ORDER = KEYPOINTS.map((_, joint) => (joint === 0 ? 0 : joint % 2 ? joint + 1 : joint - 1));

// The flip test: the mean of an image's maps and those of its mirror image, mirrored back and one cell to the right.
export function mergeFlipped(maps, mirrored) {
  const { data, height, width, count } = maps, merged = new Float32Array(data.length), area = height * width;
  for (let map = 0; map < count * 17; map++) {
    const other = (map - (map % 17) + FLIP_ORDER[map % 17]) * area;
    for (let cell = 0; cell < area; cell++) {
      const column = cell % width, from = Math.max(column - 1, 0);  // column 0 stays
      merged[map * area + cell] = (data[map * area + cell] + mirrored.data[other + cell - column + width - 1 - from]) / 2;
    }
  }
  return { ...maps, data: merged };
}

// One point and one score for each map: the highest cell, moved a quarter cell toward the higher neighbour.
// Returns for each person 17 rows [x, y, score], in heatmap px.
export function decode({ data, count, height, width }) {
  const area = height * width, people = [];
  for (let map = 0; map < count * 17; map++) {
    const start = map * area;
    let best = start;
    for (let cell = start + 1; cell < start + area; cell++) if (data[cell] > data[best]) best = cell;
    const score = data[best], x = (best - start) % width, y = Math.floor((best - start) / width);
    const point = score > 0 ? [x, y, score] : [0, 0, score];
    if (score > 0 && x > 1 && x < width - 1 && y > 1 && y < height - 1) {
      point[0] += 0.25 * Math.sign(data[best + 1] - data[best - 1]);
      point[1] += 0.25 * Math.sign(data[best + width] - data[best - width]);
    }
    if (map % 17 === 0) people.push([]);
    people.at(-1).push(point);
  }
  return people;
}
