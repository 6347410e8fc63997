// The panel of the classes: which are shown, and their thresholds.
// By class: whether it is shown, its threshold where that was moved (else
// null), the events that this one makes, and its controls.
const shown = [], moved = [], made = [], choices = [];

function makeChoices() {
  data.labels.forEach((label, index) => {
    shown[index] = true;
    moved[index] = made[index] = null;
    const row = document.createElement("div");
    const named = document.createElement("label");
    const box = document.createElement("input");
    const slider = document.createElement("input");
    const value = document.createElement("output");
    const count = document.createElement("span");
    const name = document.createElement("span");
    box.type = "checkbox";
    box.checked = true;
    name.textContent = named.title = label;
    named.append(box, name);
    slider.type = "range";
    slider.min = Math.floor(100 * lowestThreshold(data, index)) / 100;
    slider.max = 1;
    slider.step = 0.01;
    slider.value = thresholdOf(data, index);
    slider.setAttribute("aria-label", `threshold of ${label}`);
    row.append(named, slider, value, count);
    find("choices").append(row);
    const start = slider.value;
    box.addEventListener("change", () => {
      shown[index] = box.checked;
      choose();
    });
    slider.addEventListener("input", () => {
      // Back where it began, the detector's own events are shown again.
      moved[index] = slider.value === start ? null : Number(slider.value);
      made[index] = moved[index] === null ? null
        : eventsOf(data, index, moved[index], frames, beyond);
      choose();
    });
    choices.push({ row, box, slider, start, value, count });
  });
  find("filter").addEventListener("input", () => {
    const wanted = find("filter").value.trim().toLowerCase();
    data.labels.forEach((label, index) => {
      choices[index].row.hidden = !label.toLowerCase().includes(wanted);
    });
  });
  find("tools").addEventListener("click", (event) => {
    const all = event.target.dataset.all;
    if (all === undefined) return;
    choices.forEach(({ row, box }, index) => {
      if (!row.hidden) shown[index] = box.checked = all === "1";
    });
    choose();
  });
  find("reset").addEventListener("click", () => {
    choices.forEach(({ row, box, slider, start }, index) => {
      shown[index] = box.checked = true;
      moved[index] = made[index] = null;
      slider.value = start;
      row.hidden = false;
    });
    find("filter").value = "";
    choose();
  });
  find("about-thresholds").textContent = data.boxes
    ? "A moved threshold keeps those boxes of its class whose confidence is " +
      "above it; nothing else is applied to them. The other classes' events " +
      "are the detector's."
    : "A moved threshold makes the events of its class anew of the scores " +
      "in this page (eight bits), by threshold and median filter alone" +
      (data.pooled > 1 ? `, ${data.pooled} frames at a time` : "") +
      ". The other classes' events are the detector's.";
}

// After a change: events, rows, table and counts. Many changes a second
// are one.
let choosing = false;
function choose() {
  if (choosing) return;
  choosing = true;
  requestAnimationFrame(() => {
    choosing = false;
    applyChoices();
    show(now());
  });
}

function applyChoices() {
  events = chosenEvents(data, made, shown);
  rows = data.labels.map((_, index) => index).filter((index) => shown[index]);
  rowOf = data.labels.map((_, index) => rows.indexOf(index));
  const counts = data.labels.map(() => 0);
  for (const event of events) counts[event[2]]++;
  choices.forEach(({ row, slider, value, count }, index) => {
    const threshold = moved[index] === null
      ? thresholdOf(data, index) : moved[index];
    const short = threshold.toFixed(2);
    value.textContent = Number(short) === threshold
      ? short : threshold.toFixed(4);
    slider.disabled = !shown[index];
    row.classList.toggle("moved", moved[index] !== null);
    count.textContent = shown[index]
      ? `${counts[index]} event${counts[index] === 1 ? "" : "s"}` : "hidden";
  });
  const nMoved = moved.filter((threshold) => threshold !== null).length;
  find("chosen").textContent = `${rows.length} of ${nClasses} shown, ` +
    `${nMoved} threshold${nMoved === 1 ? "" : "s"} moved`;
  names();
  heat = null;
  list();
}
