// From a person's box to the crop that the network sees, and back: hpe_lib/geometry.py in the browser.
// A matrix is [a, b, c, d, e, f]: (x, y) -> (a x + b y + c, d x + e y + f). Boxes are [x, y, width, height] in px.

// The part of a box between the centres of an image's outer pixels, as hpe_lib.data.boxes_in_image cuts it, or null.
export function boxInImage([x, y, width, height], imageWidth, imageHeight) {
  const left = Math.max(0, x), top = Math.max(0, y);
  const right = Math.min(imageWidth - 1, x + width), bottom = Math.min(imageHeight - 1, y + height);
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
}

// Image px to crop px, for the frame round a box: the crop's aspect ratio, and a quarter of room to spare.
export function boxMatrix([x, y, width, height], [cropWidth, cropHeight], padding = 1.25) {
  const aspect = cropWidth / cropHeight;
  const scale = cropWidth / (padding * Math.max(width, aspect * height));
  const [centerX, centerY] = [x + width / 2, y + height / 2];
  return [scale, 0, cropWidth / 2 - scale * centerX, 0, scale, cropHeight / 2 - scale * centerY];
}

// The matrix that undoes another one.
export function invert([a, b, c, d, e, f]) {
  const determinant = a * e - b * d;
  return [e, -b, b * f - c * e, -d, a, c * d - a * f].map((number) => number / determinant);
}

// A point through a matrix.
export function transform([x, y], [a, b, c, d, e, f]) {
  return [a * x + b * y + c, d * x + e * y + f];
}
