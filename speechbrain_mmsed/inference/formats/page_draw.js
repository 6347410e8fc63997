// What is drawn: the rows of the shown classes, the axis, the overview.
function clockText(seconds, digits = 2) {
  const h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60;
  const s = (seconds % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return (h ? `${h}:${String(m).padStart(2, "0")}` : `${m}`) + `:${s}`;
}

// Canvas with as many pixels as the screen has.
function prepare(canvas, height) {
  const scale = window.devicePixelRatio || 1, width = canvas.clientWidth;
  canvas.style.height = `${height}px`;
  if (canvas.width !== Math.round(width * scale) ||
      canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width];
}

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The largest score of a class between two times, 0 to 255.
function largest(label, from, to) {
  const first = Math.max(0, Math.floor(from / data.frame_hop));
  const last = Math.min(nFrames, Math.ceil(to / data.frame_hop));
  let most = 0;
  for (let k = first; k < Math.max(last, first + 1) && k < nFrames; k++) {
    most = Math.max(most, frames[k * nClasses + label]);
  }
  return most;
}

// Scores as a picture of one pixel per column and class, kept until moved.
function heatMap(width) {
  if (heat && heat.width === width) return heat;
  heat = document.createElement("canvas");
  heat.width = width;
  heat.height = Math.max(rows.length, 1);
  const context = heat.getContext("2d");
  const image = context.createImageData(heat.width, heat.height);
  const [r, g, b] = colour("--heat").split(",").map(Number);
  const step = (view.to - view.from) / width;
  for (let row = 0; row < rows.length; row++) {
    const label = rows[row];
    for (let x = 0; x < width; x++) {
      const from = view.from + x * step;
      const at = 4 * (row * width + x);
      image.data.set([r, g, b, 10 + 0.96 *
        largest(label, from, from + step)], at);
    }
  }
  context.putImageData(image, 0, 0);
  return heat;
}

function tickStep(seconds, width) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
  return steps.find((step) => step / seconds * width >= 70) || 7200;
}

function drawAxis(context, width, x) {
  const bottom = ROW * rows.length, step = tickStep(view.to - view.from, width);
  context.fillStyle = colour("--soft");
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "top";
  for (let n = Math.ceil(view.from / step); n * step <= view.to + 1e-9; n++) {
    const at = x(n * step), text = clockText(n * step, step < 1 ? 1 : 0);
    context.fillRect(at, bottom, 1, 4);
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(Math.max(at - half, 0), width - 2 * half),
      bottom + 6);
  }
}

function draw(time) {
  const [context, width] = prepare(scores, ROW * rows.length + AXIS);
  const x = (t) => (t - view.from) / (view.to - view.from) * width;
  context.imageSmoothingEnabled = false;
  const picture = heatMap(Math.max(1, Math.round(width)));
  // At once, then cut into rows: hundreds of pictures take browsers a minute.
  context.drawImage(picture, 0, 0, width, ROW * picture.height);
  for (let row = 0; row <= rows.length; row++) {
    context.clearRect(0, row * ROW - 1, width, 2);
  }
  context.fillStyle = colour("--event");
  for (const [onset, offset, label] of listed) {
    context.fillRect(x(onset), rowOf[label] * ROW + ROW - 6,
      Math.max(x(offset) - x(onset), 2), 5);
  }
  drawAxis(context, width, x);
  context.fillStyle = colour("--head");
  context.fillRect(x(time) - 1, 0, 2, ROW * rows.length);
  drawSpectrogram(time);
  drawOverview(time);
  find("clock").textContent =
    `${clockText(time)} / ${clockText(data.duration)}`;
  for (const row of find("events").tBodies[0].rows) {
    const [onset, offset] = events[row.dataset.event];
    row.classList.toggle("now", onset <= time && time < offset);
  }
}

function drawOverview(time) {
  overview.hidden = view.to - view.from >= data.duration - 1e-9;
  if (overview.hidden) return;
  const [context, width] = prepare(overview, 34);
  const x = (t) => t / data.duration * width;
  context.fillStyle = `rgba(${colour("--heat")}, .18)`;
  context.fillRect(x(view.from), 0, Math.max(x(view.to) - x(view.from), 3), 34);
  context.fillStyle = colour("--event");
  for (const [onset, offset, label] of events) {
    context.fillRect(x(onset), 2 + rowOf[label] / rows.length * 30,
      Math.max(x(offset) - x(onset), 1), Math.max(30 / rows.length - 1, 1));
  }
  context.fillStyle = colour("--head");
  context.fillRect(x(time) - 1, 0, 2, 34);
}
