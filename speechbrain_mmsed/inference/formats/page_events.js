"use strict";
// Events at other thresholds than the detector's; no browser is needed.

// Runs of frames (bytes, scores of one class) above a threshold, after a
// median filter: rows of onset, offset and mean score. Frames past `inside`
// lie behind the recording; only the filter looks at them.
function eventsAbove(column, inside, threshold, window, hop, duration) {
  const n = column.length, half = (window - 1) / 2, found = [];
  const above = new Uint32Array(n + 1), sums = new Float64Array(n + 1);
  for (let k = 0; k < n; k++) {
    above[k + 1] = above[k] + (column[k] / 255 > threshold);
    sums[k + 1] = sums[k] + column[k] / 255;
  }
  // Frames above before the k-th; the edges reflect, however far it lies.
  const before = (k) => {
    const rounds = Math.floor(k / (2 * n)), rest = k - rounds * 2 * n;
    return 2 * rounds * above[n] +
      (rest <= n ? above[rest] : 2 * above[n] - above[2 * n - rest]);
  };
  for (let k = 0, first = -1; k <= inside; k++) {
    const active = k < inside &&
      before(k + half + 1) - before(k - half) > half;
    if (active && first < 0) first = k;
    if (active || first < 0) continue;
    found.push([first * hop, Math.min(k * hop, duration),
      (sums[k] - sums[first]) / (k - first)]);
    first = -1;
  }
  return found;
}

// The scores of a class, frame after frame, and those behind the recording.
function columnOf(label, nClasses, ...parts) {
  const all = parts.map((part) => part.length / nClasses);
  const column = new Uint8Array(all.reduce((a, b) => a + b, 0));
  let at = 0;
  parts.forEach((part, which) => {
    for (let k = 0; k < all[which]; k++) {
      column[at++] = part[k * nClasses + label];
    }
  });
  return column;
}

// The detector's threshold of a class; 0.5 where it is not known.
const thresholdOf = (data, label) =>
  data.thresholds ? data.thresholds[label] : 0.5;

// Of boxes, those of lower confidence than the lowest are not in the page.
const lowestThreshold = (data, label) =>
  (data.boxes || []).reduce((least, box) => Math.min(least, box[3]),
    data.boxes ? thresholdOf(data, label) : 0);

// A class's events above a threshold that somebody chose.
function eventsOf(data, label, threshold, frames, beyond) {
  if (data.boxes) {
    return data.boxes.filter((box) => box[2] === label && box[3] > threshold);
  }
  const nClasses = data.labels.length, pooled = data.pooled;
  const window = data.windows ? data.windows[label] : 1;
  // Where several frames became one, the nearest odd number of these.
  return eventsAbove(
    columnOf(label, nClasses, frames, ...(pooled === 1 ? [beyond] : [])),
    frames.length / nClasses, threshold,
    2 * Math.floor(window / (2 * pooled)) + 1, data.frame_hop, data.duration)
    .map(([onset, offset, score]) => [onset, offset, label, score]);
}

// Events of the shown classes by time: the detector's own or, of a class
// whose threshold was moved, those made anew (a list and not null).
function chosenEvents(data, made, shown) {
  const own = data.events.filter(([, , label]) => !made[label]);
  const name = (event) => data.labels[event[2]];
  return [...own, ...made.flatMap((events) => events || [])]
    .filter(([, , label]) => shown[label])
    .sort((one, other) => one[0] - other[0] || one[1] - other[1] ||
      (name(one) < name(other) ? -1 : Number(name(one) > name(other))));
}
