// The pose network in the browser: fetched with a progress bar, run by onnxruntime-web. An image and boxes in, poses out.
import { boxInImage, boxMatrix, invert, transform } from "./geometry.js";
import { cut, networkInput } from "./crop.js";
import { decode, mergeFlipped } from "./heatmaps.js";

const SIMD = new Uint8Array([  // the smallest module with a SIMD instruction
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

// Why this browser cannot run a network, as a sentence; null where it can.
export function obstacle() {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(SIMD)) {
    return "This browser has no WebAssembly with SIMD, which the network needs. A current Firefox, Chrome, Edge or Safari has it.";
  }
  return null;
}

// Fetch a file of known size; progress(bytes so far). -> Uint8Array
async function fetchWhole(url, progress) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} could not be fetched: the server said ${answer.status}.`);
  const parts = [], reader = answer.body.getReader();
  for (let read; !(read = await reader.read()).done;) {
    parts.push(read.value);
    progress(read.value.length);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

const runtimes = {};  // kind -> a promise of onnxruntime: it is fetched once

async function runtime(kind, sizes, progress) {
  const { script, module, wasm } = sizes.runtimes[kind], base = new URL("ort/", import.meta.url);
  const ort = await import(new URL(script, base));
  ort.env.wasm.numThreads = 1;  // more would need headers that plain servers do not send
  ort.env.wasm.wasmPaths = { mjs: new URL(module, base).href };
  ort.env.wasm.wasmBinary = (await fetchWhole(new URL(wasm, base), progress)).buffer;
  return ort;
}

// One of networks.json, "detector" or a pose network, ready to run. kind: "wasm" (the processor) or "webgpu" (the graphics
// card). progress(share): 0 to 1, while it comes. -> {ort, session, about}
export async function loadSession(name, kind, progress) {
  const sizes = await (await fetch(new URL("networks.json", import.meta.url))).json();
  const about = name === "detector" ? sizes.detector : sizes.networks[name];
  const total = about.bytes + (runtimes[kind] ? 0 : sizes.runtimes[kind].bytes);
  let got = 0;
  const count = (bytes) => progress(Math.min(1, (got += bytes) / total));
  runtimes[kind] ??= runtime(kind, sizes, count);
  let ort;
  try {
    ort = await runtimes[kind];
  } catch (error) {
    delete runtimes[kind];
    throw error;
  }
  const model = await fetchWhole(new URL(about.file, import.meta.url), count);
  return { ort, about, session: await ort.InferenceSession.create(model, { executionProviders: [kind] }) };
}

// A pose network by its name.
export async function loadNetwork(name, kind, progress) {
  return new Network(await loadSession(name, kind, progress));
}

class Network {
  constructor({ ort, session, about }) {
    Object.assign(this, { ort, session, name: about.name, inputSize: about.inputSize, stride: about.stride });
  }

  // Crops -> maps; see heatmaps.js.
  async heatmaps(crops, mirrored) {
    const [width, height] = this.inputSize;
    const tensor = new this.ort.Tensor("float32", networkInput(crops, mirrored), [crops.length, 3, height, width]);
    const { heatmaps } = await this.session.run({ crops: tensor });
    return { data: heatmaps.data, count: crops.length, height: heatmaps.dims[2], width: heatmaps.dims[3] };
  }

  // One person for each box: {box, matrix, crop, maps, pose}; pose: 17 rows [x, y, score] in image px.
  // image: ImageData. boxes: [x, y, width, height] each. flip: average with the mirror image, twice the work.
  async predict(image, boxes, flip = true) {
    const inside = boxes.map((box) => boxInImage(box, image.width, image.height)).filter(Boolean), people = [];
    for (const box of inside) {  // one at a time: the page stays answerable between two
      const matrix = boxMatrix(box, this.inputSize), crop = cut(image, matrix, this.inputSize);
      let maps = await this.heatmaps([crop], false);
      if (flip) maps = mergeFlipped(maps, await this.heatmaps([crop], true));
      const back = invert(matrix);
      const pose = decode(maps)[0].map(([x, y, score]) => {
        return [...transform([x * this.stride, y * this.stride], back), score];
      });
      people.push({ box, matrix, crop, maps, pose });
    }
    return people;
  }
}
