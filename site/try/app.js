// The page: pictures in (file, drop, ours, camera), boxes by hand or by a detector, poses out. What is computed stands in
// network.js, heatmaps.js, crop.js, geometry.js; what is drawn in draw.js.
import { boxInImage } from "./geometry.js";
import { drawCrop, drawPeople, mapCanvas } from "./draw.js";
import { KEYPOINTS } from "./heatmaps.js";
import { loadNetwork, obstacle } from "./network.js";

const element = (id) => document.getElementById(id);
const stage = element("stage"), source = document.createElement("canvas"), video = element("video");
const state = { named: "", boxes: [], people: [], network: null, detector: null, camera: null, busy: false, again: false };

const say = (text) => { element("status").textContent = text; };
const fail = (text) => { element("error").textContent = text; };
const threshold = () => Number(element("threshold").value), joint = () => Number(element("joint").value);
const pixels = () => source.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, source.width, source.height);

// --- pictures

function takePicture(picture, named, boxes = []) {
  [source.width, source.height] = [picture.videoWidth || picture.width, picture.videoHeight || picture.height];
  source.getContext("2d", { willReadFrequently: true }).drawImage(picture, 0, 0);
  [stage.width, stage.height] = [source.width, source.height];
  Object.assign(state, { named, boxes, people: [] });
  fail("");
  return state.finds && boxes.length === 0 && !state.camera ? findPeople() : update();
}

async function takeFile(file, credit = "", boxes = []) {
  stopCamera();
  element("credit").replaceChildren(...credit);
  try {
    await takePicture(await createImageBitmap(file, { imageOrientation: "from-image" }), file.name ?? "the picture", boxes);
  } catch (error) {
    if (state.named === (file.name ?? "the picture")) throw error;
    fail(`${file.name} is no picture that this browser can read. JPEG, PNG and WebP are.`);
  }
}

async function takeOurs({ file, shows, boxes, page, licence, licenceUrl }) {
  const answer = await fetch(new URL(file, import.meta.url)), name = file.split("/").at(-1);
  const link = (text, href) => Object.assign(document.createElement("a"), { textContent: text, href });
  const credit = ["Photograph: ", link("its author's page", page), ", ", link(licence, licenceUrl), ". The boxes are COCO's labels."];
  await takeFile(new File([await answer.blob()], shows || name), credit, boxes);
}

// --- camera

async function startCamera() {
  state.byHand = false;
  try {
    state.camera = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 480 } } });
  } catch (error) {
    const none = ["NotFoundError", "OverconstrainedError"].includes(error.name) || !navigator.mediaDevices;
    fail(none ? "No camera was found. Take a photograph instead." :
      "The camera was refused. Allow it beside the page's address, or take a photograph instead.");
    return;
  }
  element("camera").textContent = "Turn the camera off";
  element("camera").setAttribute("aria-pressed", "true");
  element("credit").textContent = "";
  video.srcObject = state.camera;
  await video.play();
  let before = null, speed = null;
  for (let frame = 0; state.camera; frame++) {
    if (frame === 0 || source.width !== video.videoWidth) await takePicture(video, "the camera");
    source.getContext("2d").drawImage(video, 0, 0);
    if (state.finds && !state.byHand && frame % 5 === 0) await findPeople();
    if (state.boxes.length === 0 && !state.finds) state.boxes = [[0, 0, source.width, source.height]];
    await update();
    const now = performance.now(), rate = before === null ? null : 1000 / (now - before);
    speed = speed === null ? rate : 0.8 * speed + 0.2 * rate;
    if (speed !== null) element("speed").textContent = `${speed.toFixed(1)} frames a second`;
    before = now;
    await new Promise(requestAnimationFrame);
  }
}

function stopCamera() {
  state.camera?.getTracks().forEach((track) => track.stop());
  state.camera = null;
  element("camera").textContent = "Turn the camera on";
  element("camera").setAttribute("aria-pressed", "false");
}

// --- the network

async function wantedNetwork() {
  if (element("kind").value === "webgpu" && !await navigator.gpu.requestAdapter()) {
    element("kind").value = "wasm";
    fail("This browser offers no graphics card, so the processor computes.");
  }
  const name = element("network").value, key = `${name} ${element("kind").value}`;
  if (state.network?.key !== key) {
    state.network = await wanted((kind, progress) => loadNetwork(name, kind, progress));
    state.network.key = key;
  }
  return state.network;
}

// Fetch something with the progress bar. load(kind, progress)
async function wanted(load) {
  element("progress").value = 0;
  element("loading").hidden = false;
  try {
    return await load(element("kind").value, (share) => { element("progress").value = share; });
  } finally {
    element("loading").hidden = true;
  }
}

// Find the poses in all boxes, and show them; asked while it works, it starts once more.
async function update() {
  show();
  if (state.busy) { state.again = true; return; }
  if (!state.named) return;
  state.busy = true;
  try {
    do {
      state.again = false;
      if (state.boxes.length === 0) { state.people = []; say("Draw a box round a person."); break; }
      if (!state.camera) say("The network is at work …");
      const network = await wantedNetwork(), start = performance.now();
      state.people = await network.predict(pixels(), state.boxes, element("flip").checked);
      if (!state.camera) element("speed").textContent = `${Math.round(performance.now() - start)} ms`;
    } while (state.again);
  } catch (error) {
    fail(element("kind").value === "webgpu" ? `The graphics card could not do it: ${error.message} Choose the processor.` :
      `The network could not run: ${error.message}`);
    state.people = [];
  } finally {
    state.busy = false;
  }
  show();
}

// Boxes by the detector, where the site has one.
async function findPeople() {
  if (!state.camera) say("Looking for people …");
  try {
    state.detector ??= await wanted(async (kind, progress) => (await import("./detector.js")).loadDetector(kind, progress));
    state.boxes = (await state.detector.findPeople(pixels())).map((box) => box.slice(0, 4));
  } catch (error) {
    fail(`The detector could not run: ${error.message} Draw the boxes yourself.`);
  }
  await update();
  if (state.boxes.length === 0) say("No person was found. Draw a box yourself.");
}

// --- what is shown

function show() {
  if (!state.named) return;
  drawPeople(stage, source, state.people, { joint: joint(), threshold: threshold(), boxes: state.boxes });
  element("threshold-said").value = threshold().toFixed(2);
  const seen = state.people.flatMap(({ pose }) => pose).filter(([, , score]) => score > threshold()).length;
  const count = state.people.length, all = 17 * count;
  const found = count ? `${count} ${count === 1 ? "person" : "people"}: ${seen} of ${all} joints have a peak above ${threshold().toFixed(2)}` : "";
  if (found && !state.camera) say(`${found}.`);
  const over = joint() < 0 ? "" : `, the heatmap of the ${KEYPOINTS[joint()]} laid over`;
  stage.setAttribute("aria-label", `${state.named}. ${found || "no pose yet"}${over}`);
  element("inside").hidden = count === 0;
  if (count) showInside();
}

function showInside() {
  const choice = element("person");
  if (choice.options.length !== state.people.length) {
    choice.replaceChildren(...state.people.map((_, index) => new Option(`person ${index + 1}`, index)));
  }
  const { crop, maps, pose } = state.people[Math.max(choice.selectedIndex, 0)];
  drawCrop(element("crop"), crop);
  element("crop").setAttribute("aria-label", `The crop of person ${choice.selectedIndex + 1}, ${crop.width} by ${crop.height} px`);
  for (const [index, button] of [...element("maps").children].entries()) {
    const small = mapCanvas(maps, index), canvas = button.querySelector("canvas");
    [canvas.width, canvas.height] = [small.width, small.height];
    canvas.getContext("2d").drawImage(small, 0, 0);
    button.querySelector("span").textContent = `${KEYPOINTS[index]} ${pose[index][2].toFixed(2)}`;
    button.setAttribute("aria-pressed", String(index === joint()));
  }
  for (const [index, row] of [...element("numbers").rows].entries()) {
    const [x, y, score] = pose[index];
    [x.toFixed(1), y.toFixed(1), score.toFixed(3)].forEach((text, column) => { row.cells[column + 1].textContent = text; });
  }
}

// --- boxes by hand

function place({ clientX, clientY }) {
  const frame = stage.getBoundingClientRect();
  return [(clientX - frame.left) / frame.width * stage.width, (clientY - frame.top) / frame.height * stage.height];
}

let corner = null;
const spanned = ([x, y]) => [Math.min(x, corner[0]), Math.min(y, corner[1]), Math.abs(x - corner[0]), Math.abs(y - corner[1])];
stage.addEventListener("pointerdown", (event) => {
  if (!state.named || event.button !== 0) return;
  corner = place(event);
  stage.setPointerCapture(event.pointerId);
});
stage.addEventListener("pointermove", (event) => {
  if (!corner) return;
  const boxes = [...state.boxes, spanned(place(event))];
  drawPeople(stage, source, state.people, { joint: joint(), threshold: threshold(), boxes });
});
stage.addEventListener("pointerup", (event) => {
  if (!corner) return;
  const box = spanned(place(event)), small = Math.max(source.width, source.height) / 60;
  corner = null;
  if (box[2] > small && box[3] > small) addBox(box); else show();
});
stage.addEventListener("pointercancel", () => { corner = null; show(); });

function addBox(box) {
  const inside = boxInImage(box, source.width, source.height);
  if (!state.named || !inside) return fail(state.named ? "This box lies outside the picture." : "Choose a picture first.");
  fail("");
  state.byHand = true;
  const whole = state.camera && state.boxes.length === 1 && state.boxes[0][2] === source.width;  // the camera's first box
  state.boxes = whole ? [inside] : [...state.boxes, inside];
  return update();
}

// --- start

function connect(pictures) {
  const on = (id, event, action) => element(id).addEventListener(event, action);
  on("choices", "submit", (event) => event.preventDefault());
  on("file", "change", ({ target }) => target.files[0] && takeFile(target.files[0]));
  on("ours", "change", ({ target }) => target.value && takeOurs(pictures[target.value]));
  on("camera", "click", () => (state.camera ? stopCamera() : startCamera()));
  for (const id of ["network", "kind", "flip"]) on(id, "change", update);
  for (const id of ["threshold", "joint", "person"]) on(id, "input", show);
  on("whole", "click", () => addBox([0, 0, source.width, source.height]));
  on("last", "click", () => { state.boxes = state.boxes.slice(0, -1); update(); });
  on("none", "click", () => { Object.assign(state, { boxes: [], byHand: false }); update(); });
  on("add", "click", () => addBox(["x", "y", "width", "height"].map((side) => Number(element(`box-${side}`).value))));
  on("find", "click", findPeople);
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) takeFile(event.dataTransfer.files[0]);
  });
}

async function start() {
  element("unserved").remove();
  document.querySelector("main").hidden = false;
  const because = obstacle();
  if (because) {
    element("choices").hidden = true;
    say("");
    return fail(because);
  }
  const get = async (name) => (await fetch(new URL(name, import.meta.url))).json();
  const [pictures, { networks, runtimes, detector }] = [await get("photographs.json"), await get("networks.json")];
  pictures.forEach((each, index) => element("ours").add(new Option(each.shows, index)));
  const size = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
  for (const { name, says, bytes } of Object.values(networks)) {
    element("network").add(new Option(`${name}: ${says} (${size(bytes + runtimes.wasm.bytes)} to fetch)`, name));
  }
  if (navigator.gpu) {
    element("kind").add(new Option(`the graphics card, WebGPU (${size(runtimes.webgpu.bytes - runtimes.wasm.bytes)} more)`, "webgpu"));
  }
  KEYPOINTS.forEach((name, index) => {
    element("joint").add(new Option(name, index));
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(document.createElement("canvas"), document.createElement("span"));
    button.addEventListener("click", () => { element("joint").value = joint() === index ? -1 : index; show(); });
    element("maps").append(button);
    const row = element("numbers").insertRow();
    row.insertCell().textContent = name;
    for (let column = 0; column < 3; column++) row.insertCell();
  });
  state.finds = Boolean(detector);
  element("find").hidden = !detector;
  connect(pictures);
}

start().catch((error) => fail(`The page could not start: ${error.message}`));
