// A board to draw points on, and their barcode, which follows at once. Needs barcode.js.

const SIDE = 300, WIDE = 540, BARS = 168, LOOPS = 54, HEAD = 16; // pixels
const COLOUR = { space: "#009E73", loop: "#0072B2", threshold: "#8A8F98" };
const SLOW = 40; // milliseconds: where loops take longer they wait until the hand rests

function part(name, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

const said = (value) => (Math.abs(value) >= 1000 || (value && Math.abs(value) < 0.001) ? value.toExponential(2) : value.toFixed(3));
const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

// Makes a board in `place`; `changed` hears the points once the hand rests. Returns what shows other points on it.
function makeBoard(place, { fewest, most, changed }) {
  place.innerHTML = `
    <div class="board">
      <figure>
        <svg class="cloud" viewBox="0 0 ${SIDE} ${SIDE}" role="group" aria-label="Points to move"></svg>
        <figcaption><button type="button">Add a point</button> <span class="hint"></span></figcaption>
      </figure>
      <figure>
        <p class="numbers" aria-live="polite"></p>
        <svg class="bars" viewBox="0 0 ${WIDE} ${BARS + LOOPS + 2 * HEAD + 18}" role="img"></svg>
      </figure>
    </div>`;
  const cloud = place.querySelector(".cloud"), bars = place.querySelector(".bars");
  const numbers = place.querySelector(".numbers"), hint = place.querySelector(".hint");
  const tree = part("g", { class: "tree" }, cloud), dots = part("g", { class: "dots" }, cloud);
  let points = [], frame = { x: 0, y: 0, reach: 1.5 }, end = 1, held = -1, moved = false, slow = false, awaited = 0, presses = [-1, -1];

  const across = (x) => (SIDE / 2) * (1 + (x - frame.x) / frame.reach);
  const down = (y) => (SIDE / 2) * (1 - (y - frame.y) / frame.reach);
  function under(event) {
    const box = cloud.getBoundingClientRect();
    const inside = (part) => Math.min(Math.max(part, 0), 1) * 2 - 1;
    return [
      frame.x + frame.reach * inside((event.clientX - box.left) / box.width),
      frame.y - frame.reach * inside((event.clientY - box.top) / box.height),
    ];
  }

  function fit() {
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    if (!points.length) return;
    const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const half = Math.max(right - left, high - low) / 2;
    const fits = (at, a, b) => a >= at - frame.reach && b <= at + frame.reach;
    if (fits(frame.x, left, right) && fits(frame.y, low, high) && half > 0.4 * frame.reach) return;
    frame = { x: (left + right) / 2, y: (low + high) / 2, reach: 1.35 * half || 1 };
  }

  function draw(resting = true) {
    const found = spanningTree(points), lengths = found.map((edge) => edge.length);
    const features = featureCount(lengths), entropy = barEntropy(lengths);
    const began = performance.now(), loops = slow && !resting ? null : loopBars(points);
    if (loops) slow = performance.now() - began > SLOW;
    const longest = Math.max(0, lengths[0] || 0, ...(loops || []).map((loop) => loop[1]));
    if (resting || longest > end) end = 1.12 * longest || 1;

    tree.replaceChildren();
    found.forEach(({ i, j }, k) => part("line", {
      x1: across(points[i][0]), y1: down(points[i][1]), x2: across(points[j][0]), y2: down(points[j][1]),
      "stroke-width": k < features ? 3.2 : 1.6, opacity: k < features ? 1 : 0.55,
    }, tree));
    points.forEach(([x, y], k) => {
      const dot = dots.children[k] || part("circle", { r: 6.5, tabindex: 0, role: "button" }, dots);
      dot.setAttribute("cx", across(x));
      dot.setAttribute("cy", down(y));
      dot.setAttribute("aria-label", `Point ${k + 1} at ${said(x)}, ${said(y)}`);
    });
    while (dots.children.length > points.length) dots.lastChild.remove();

    bars.replaceChildren();
    const text = (words, y, more = {}) => { part("text", { x: 0, y, ...more }, bars).textContent = words; };
    const axis = (y) => part("line", { x1: 0, x2: WIDE, y1: y, y2: y, class: "axis" }, bars);
    const bar = (from, to, y, height, more) => part("rect", {
      x: (WIDE * from) / end, y, width: Math.max((WIDE * (to - from)) / end, 0.5), height, ...more,
    }, bars);
    text("Bars: from 0 to where two components meet", HEAD - 5);
    part("line", { x1: 0, x2: WIDE - 78, y1: HEAD + 5, y2: HEAD + 5, class: "endless" }, bars);
    text("never ends →", HEAD + 9, { x: WIDE, "text-anchor": "end", class: "small" });
    const room = BARS - 14, row = room / Math.max(lengths.length, 5);
    lengths.forEach((length, k) => bar(0, length, HEAD + 14 + k * row, row * (lengths.length > 40 ? 1 : 0.85), {
      fill: COLOUR.space, opacity: k < features ? 1 : 0.38, class: k < features ? "feature" : "noise",
    }));
    axis(HEAD + BARS);
    if (features) {
      const x = (WIDE * lengths[features - 1]) / end;
      part("line", { x1: x, x2: x, y1: HEAD, y2: HEAD + BARS, class: "threshold" }, bars);
    }
    const below = 2 * HEAD + BARS + 4;
    text("Loops: from closing to being filled", below - 4);
    (loops || []).slice(0, 8).forEach(([birth, death], k) => bar(birth, death, below + 3 + k * 6, 5, { fill: COLOUR.loop, class: "loop" }));
    axis(below + LOOPS);
    text("0", below + LOOPS + 13, { class: "small" });
    text(`e = ${said(end)}`, below + LOOPS + 13, { x: WIDE, "text-anchor": "end", class: "small" });

    const count = lengths.filter((length) => length > 0).length, ceiling = Math.log(Math.max(lengths.length, 1));
    numbers.textContent = points.length < fewest
      ? `${counted(points.length, "point")}: it takes ${fewest} or more.`
      : `${counted(lengths.length, "bar")}, ${counted(features, "feature")}, threshold ${count ? said(lengths[features - 1]) : "none"}. `
        + `Entropy of all bars ${said(entropy)}${ceiling ? ` of at most ${said(ceiling)} nats` : " nats"}. `
        + (loops ? `${counted(loops.length, "loop")}.` : "Loops follow when you let go.");
    numbers.dataset.entropy = entropy;
    numbers.dataset.features = features;
    numbers.dataset.loops = loops ? loops.length : "";
    bars.setAttribute("aria-label", numbers.textContent);
    hint.textContent = points.length >= most ? `No more than ${most} points.`
      : "Click to add a point, drag it to move it, double-click or press Delete to remove it.";
  }

  const later = () => { cancelAnimationFrame(awaited); awaited = requestAnimationFrame(() => draw(false)); };
  function rest() {
    cancelAnimationFrame(awaited);
    draw();
    if (points.length >= fewest) changed(points.map((point) => [...point]));
  }
  function add(point) {
    if (points.length >= most) return false;
    points.push(point);
    return true;
  }
  function remove(k) {
    if (k < 0 || points.length <= fewest) return;
    points.splice(k, 1);
    rest();
  }
  const which = (event) => [...dots.children].indexOf(event.target.closest("circle"));

  cloud.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = which(event);
    moved = false;
    presses = [presses[1], held];
    if (held < 0) {
      if (!add(under(event))) return;
      [held, moved] = [points.length - 1, true];
      draw(false);
    }
    cloud.setPointerCapture(event.pointerId);
    dots.children[held].focus({ preventScroll: true });
    event.preventDefault();
  });
  cloud.addEventListener("pointermove", (event) => {
    if (held < 0) return;
    points[held] = under(event);
    moved = true;
    later();
  });
  for (const end of ["pointerup", "pointercancel"]) cloud.addEventListener(end, () => {
    const changes = held >= 0 && moved;
    [held, moved] = [-1, false];
    if (changes) rest();
  });
  // The board has caught the pointer, so that the event doesn't say which point it is; one just made is none to remove.
  cloud.addEventListener("dblclick", () => { if (presses[0] === presses[1]) remove(presses[1]); });
  cloud.addEventListener("keydown", (event) => {
    const k = which(event), step = frame.reach * (event.shiftKey ? 0.005 : 0.04);
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (k < 0) return;
    if (way) points[k] = points[k].map((value, axis) => value + step * way[axis]);
    else if (["Delete", "Backspace"].includes(event.key)) remove(k);
    else return;
    if (way) { moved = true; later(); }
    event.preventDefault();
  });
  cloud.addEventListener("keyup", () => { if (moved && held < 0) { moved = false; rest(); } });
  place.querySelector("button").addEventListener("click", () => {
    const turn = 2.4 * points.length; // each somewhere else: by the golden angle
    if (add([frame.x + 0.6 * frame.reach * Math.cos(turn), frame.y + 0.6 * frame.reach * Math.sin(turn)])) rest();
    dots.lastChild?.focus();
  });

  return (shown) => {
    const near = ([x, y], k) => Math.hypot(x - points[k][0], y - points[k][1]) < 0.001 * frame.reach;
    const known = shown.length > 0 && shown.length === points.length && shown.every(near);
    if (held >= 0 || known) return; // what was drawn here stays where it is
    points = shown.map((point) => [...point]);
    fit();
    draw();
  };
}
