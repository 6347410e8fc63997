const data = JSON.parse(document.getElementById("data").textContent);
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const frames = bytes(data.frames), beyond = bytes(data.beyond);
const nClasses = data.labels.length;
const nFrames = nClasses ? frames.length / nClasses : 0;
const find = (id) => document.getElementById(id);
const scores = find("scores"), overview = find("overview");
const ROW = 26, AXIS = 22, MOST_ROWS = 300, SHORTEST = 1;
const view = { from: 0, to: data.duration };
let player = null, silentClock = 0, heat = null, listed = [];
// Of the classes that are shown; and the row of each class.
let events = data.events, rows = [], rowOf = [];

// The player, or a clock that only clicks move.
function makePlayer() {
  const media = data.media;
  if (!media) return trouble("There is no sound or film to play here.");
  player = document.createElement(media.element);
  player.controls = true;
  player.preload = "auto";
  player.playsInline = true;
  player.addEventListener("error", () => {
    const gone = media.link
      ? `, or the file is gone: the page expects it at ${media.where}` : "";
    trouble(`${media.name} cannot be played: this browser lacks its codec` +
      `${gone}. The timeline works without.`);
    player.remove();
    player = null;
  });
  player.addEventListener("loadedmetadata", () => {
    player.classList.toggle("blind", player.videoWidth === 0);
    if (silentClock) player.currentTime = silentClock;
  });
  for (const name of ["play", "pause", "seeked", "timeupdate"]) {
    player.addEventListener(name, tick);
  }
  const inside = find("media").textContent;
  player.src = media.link || URL.createObjectURL(new Blob([bytes(inside)]));
  find("player").append(player);
}

function trouble(text) {
  find("trouble").textContent = text;
  find("trouble").hidden = false;
  find("play").disabled = true;
}

const now = () =>
  (player && player.readyState ? player.currentTime : silentClock);

function seek(seconds) {
  silentClock = Math.min(Math.max(seconds, 0), data.duration);
  if (player && player.readyState) player.currentTime = silentClock;
  show(silentClock);
}

// Keeps the playhead in view, draws it, and goes on while playing.
function show(time) {
  const at = Math.min(time, data.duration), length = view.to - view.from;
  if (at < view.from || at > view.to) setView(at, at + length);
  draw(at);
}

let waiting = false;
function tick() {
  find("play").textContent = player && !player.paused ? "Pause" : "Play";
  show(now());
  if (player && !player.paused && !waiting) {
    waiting = true;
    requestAnimationFrame(() => { waiting = false; tick(); });
  }
}

function setView(from, to) {
  const least = Math.min(SHORTEST, data.duration);
  const length = Math.min(Math.max(to - from, least), data.duration);
  view.from = Math.min(Math.max(from, 0), data.duration - length);
  view.to = view.from + length;
  heat = soundImage = null;
  list();
}

function zoom(factor, centre) {
  if (!factor) return setView(0, data.duration);
  const from = centre - (centre - view.from) * factor;
  setView(from, from + (view.to - view.from) * factor);
}

// The table: events in view, as many as one cares to read.
function list() {
  const seen = events.filter(([a, b]) => b > view.from && a < view.to);
  listed = seen;
  const body = document.createElement("tbody");
  events.forEach((event, index) => {
    const [onset, offset, label, score] = event;
    if (offset <= view.from || onset >= view.to) return;
    if (body.rows.length >= MOST_ROWS) return;
    const row = body.insertRow();
    row.dataset.event = index;
    for (const text of [clockText(onset), clockText(offset),
      data.labels[label], score.toFixed(2)]) row.insertCell().textContent = text;
  });
  find("events").tBodies[0].replaceWith(body);
  const all = seen.length === events.length;
  let text = `${seen.length} event${seen.length === 1 ? "" : "s"}`;
  if (!all) text += ` in view, ${events.length} in all`;
  if (seen.length > MOST_ROWS) text += `; the first ${MOST_ROWS} are listed`;
  find("events").caption.textContent = text;
}

function head() {
  const streams = Object.entries(data.streams).map(([k, v]) => `${k}: ${v}`);
  const tags = data.tags.map((i) => data.labels[i]).join(", ") || "none";
  find("about").textContent = [clockText(data.duration),
    `classes of the whole file: ${tags} ${data.tags_note}`, ...streams, data.note]
    .filter((text) => text).join(" \u00b7 ");
}

// The names beside the rows.
function names() {
  find("names").replaceChildren(...rows.map((index) => {
    const label = data.labels[index];
    const row = document.createElement("div");
    const name = document.createElement("span");
    const score = document.createElement("span");
    name.textContent = name.title = label;
    score.textContent = data.clip[index].toFixed(2);
    score.title = "score of the whole file";
    row.classList.toggle("tag", data.tags.includes(index));
    row.append(name, score);
    return row;
  }));
}

// Time and class under the pointer.
function under(event) {
  const box = scores.getBoundingClientRect();
  const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  const row = Math.floor((event.clientY - box.top) / ROW);
  return [view.from + part * (view.to - view.from), row];
}

function listen() {
  const scrub = (event) => event.buttons & 1 && seek(under(event)[0]);
  scores.addEventListener("pointerdown", (event) => {
    scores.setPointerCapture(event.pointerId);
    scrub(event);
  });
  for (const name of ["pointerdown", "pointermove"]) {
    find("spectrogram").addEventListener(name, scrub);
  }
  scores.addEventListener("pointermove", (event) => {
    scrub(event);
    const [time, row] = under(event);
    find("readout").textContent = row < rows.length
      ? `${clockText(time)}  ${data.labels[rows[row]]}  ` +
        `${(largest(rows[row], time, time) / 255).toFixed(2)}`
      : clockText(time);
  });
  scores.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, under(event)[0]);
    show(Math.min(Math.max(now(), view.from), view.to));
  }, { passive: false });
  const move = (event) => {
    if (!(event.buttons & 1)) return;
    const box = overview.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * data.duration;
    const half = (view.to - view.from) / 2;
    setView(at - half, at + half);
    seek(Math.min(Math.max(at, 0), data.duration));
  };
  overview.addEventListener("pointerdown", move);
  overview.addEventListener("pointermove", move);
  find("zoom").addEventListener("click", (event) => {
    const factor = event.target.dataset.zoom;
    if (factor === undefined) return;
    zoom(Number(factor), now());
    show(now());
  });
  find("play").addEventListener("click", toggle);
  find("events").addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-event]");
    if (row) seek(events[row.dataset.event][0]);
  });
  document.addEventListener("keydown", (event) => {
    const own = event.target.closest(
      "button, input, summary, video, audio");
    if (own || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") toggle();
    else if (event.key === "ArrowLeft") seek(now() - 1);
    else if (event.key === "ArrowRight") seek(now() + 1);
    else return;
    event.preventDefault();
  });
  const again = () => { heat = soundImage = null; show(now()); };
  new ResizeObserver(again).observe(scores);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  window.addEventListener("hashchange", fromAddress);
}

function toggle() {
  if (player) player[player.paused ? "play" : "pause"]();
}

// page.html#t=12.5 opens at that time.
function fromAddress() {
  const time = Number(new URLSearchParams(location.hash.slice(1)).get("t"));
  if (time > 0) seek(time);
}

head();
makePlayer();
makeChoices();
listen();
applyChoices();
// A long recording opens on its first five minutes.
setView(0, Math.min(data.duration, 300));
show(0);
fromAddress();
makeSpectrogram();
