// Tells Python where the pointer drags a point over a picture, and moves it by the arrow keys. See drag.py.

function render({ model, el }) {
  const id = model.get("picture");
  const style = document.createElement("style"), button = document.createElement("button");
  style.textContent = `img[data-live="${id}"] { cursor: crosshair; touch-action: none; user-select: none; }`;
  button.type = "button";
  button.textContent = model.get("label") + ", or select this line and press the arrow keys.";
  button.style = "border: none; background: none; padding: 2px 6px; font: inherit; color: inherit; text-align: left;";
  el.append(style, button);

  // One question at a time: while Python draws, only the newest place is remembered.
  let waiting = null, next = null, sent = null;
  function ask(point) {
    if (waiting) { next = point; return; }
    if (sent && sent[0] === point[0] && sent[1] === point[1]) return;
    sent = point;
    waiting = setTimeout(answered, 2000);  // a busy kernel: ask again
    model.set("asked", point);
    model.save_changes();
  }
  function answered() {
    clearTimeout(waiting);
    waiting = null;
    if (next) { const point = next; next = null; ask(point); }
  }
  model.on("change:answered", answered);

  let box = null;  // the picture's place in the window while the pointer is down
  function place(event) {
    const [left, top, right, bottom] = model.get("frame"), [x0, x1, y0, y1] = model.get("limits");
    const x = ((event.clientX - box.left) / box.width - left) / (right - left);
    const y = ((event.clientY - box.top) / box.height - top) / (bottom - top);
    return { inside: x >= 0 && x <= 1 && y >= 0 && y <= 1, point: [x0 + x * (x1 - x0), y0 + y * (y1 - y0)] };
  }
  function down(event) {
    if (event.button !== 0 || event.target?.dataset?.live !== id) return;
    box = event.target.getBoundingClientRect();
    const { inside, point } = place(event);
    if (!inside) { box = null; return; }
    event.preventDefault();
    sent = null;
    ask(point);
  }
  function move(event) { if (box) ask(place(event).point); }
  function up() { box = null; }
  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up };
  for (const [name, listener] of Object.entries(listeners)) document.addEventListener(name, listener);

  button.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const [x0, x1, y0, y1] = model.get("limits"), step = model.get("step");
    const at = next ?? (waiting ? sent : model.get("at"));  // quick presses add up
    ask([at[0] + move[0] * step[0] * Math.sign(x1 - x0), at[1] + move[1] * step[1] * Math.sign(y1 - y0)]);
  });

  return () => {
    for (const [name, listener] of Object.entries(listeners)) document.removeEventListener(name, listener);
    clearTimeout(waiting);
  };
}

export default { render };
