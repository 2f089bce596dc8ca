// A button that moves the slider of a chart by itself, from where it is to its end, and lets go when a person takes it.

const WHOLE = 9; // seconds from one end of a slider to the other
const STILL = 15; // positions, one a second, for whoever asked the system for less motion

function makePlay(slider) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "play";
  let at = 0, last = 0, frame = 0;

  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
    button.textContent = "▶ Play";
    button.setAttribute("aria-pressed", "false");
  }
  function move(now) {
    if (!slider.isConnected) return stop();
    const [low, high] = [+slider.min, +slider.max];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!still) at += ((high - low) * Math.min(now - last, 500)) / 1000 / WHOLE; // after a pause of the browser's it goes on, no leap
    else if (now - last >= 1000) at += (high - low) / STILL;
    if (!still || now - last >= 1000) {
      last = now;
      slider.value = Math.min(at, high);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (at >= high) return stop();
    frame = requestAnimationFrame(move);
  }
  button.addEventListener("click", () => {
    if (frame) return stop();
    at = +slider.value >= +slider.max ? +slider.min : +slider.value;
    last = performance.now();
    frame = requestAnimationFrame(move);
    button.textContent = "❚❚ Pause";
    button.setAttribute("aria-pressed", "true");
  });
  slider.addEventListener("input", (event) => { if (event.isTrusted) stop(); });
  stop();
  return button;
}

// Puts one beside each slider within what `selector` finds, also where a chart is drawn anew. Returns what ends that.
function playAll(selector) {
  const add = () => {
    for (const slider of document.querySelectorAll(`:is(${selector}) form.vega-bindings input[type="range"]`)) {
      const place = slider.closest("form");
      if (!place.querySelector(".play")) place.prepend(makePlay(slider));
    }
  };
  const seen = new MutationObserver(add);
  seen.observe(document.body, { childList: true, subtree: true });
  add();
  return () => {
    seen.disconnect();
    for (const button of document.querySelectorAll(`:is(${selector}) .play`)) button.remove();
  };
}
