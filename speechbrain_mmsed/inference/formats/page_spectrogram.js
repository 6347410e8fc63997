// The spectrogram: of the sound inside the page, made by the browser.
const RATE = 16000, SIZE = 512, STEP = 256, BANDS = 256;
const LONGEST = 1200; // seconds that a browser can be asked to decode
const RANGE = 70; // decibels below the loudest that are seen

const circle = Float64Array.from({ length: SIZE }, (_, i) =>
  Math.cos(2 * Math.PI * i / SIZE));

// Discrete Fourier transform in place, of SIZE values, a power of two.
function transform(real, imaginary) {
  const n = SIZE;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    [real[i], real[j]] = [real[j], real[i]];
    [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
  }
  for (let size = 2; size <= n; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const angle = k * n / size;
      const c = circle[angle], s = circle[angle + n / 4];
      for (let a = k; a < n; a += size) {
        const b = a + size / 2;
        const x = real[b] * c - imaginary[b] * s;
        const y = real[b] * s + imaginary[b] * c;
        real[b] = real[a] - x;
        imaginary[b] = imaginary[a] - y;
        real[a] += x;
        imaginary[a] += y;
      }
    }
  }
}

// Columns first..last-1 of samples, the k-th around sample k * STEP: for each
// BANDS bytes from 0 Hz up, in half decibels above -120 (0 dB: full scale).
function levels(samples, first, last) {
  const found = new Uint8Array((last - first) * BANDS);
  const real = new Float64Array(SIZE), imaginary = new Float64Array(SIZE);
  for (let k = first; k < last; k++) {
    imaginary.fill(0);
    for (let i = 0; i < SIZE; i++) {
      const hann = 0.5 - 0.5 * circle[i];
      real[i] = hann * (samples[k * STEP - SIZE / 2 + i] || 0);
    }
    transform(real, imaginary);
    for (let band = 0; band < BANDS; band++) {
      const power = real[band] ** 2 + imaginary[band] ** 2;
      const decibels = 10 * Math.log10(16 * power / SIZE ** 2 + 1e-12);
      found[(k - first) * BANDS + band] =
        Math.round(Math.min(Math.max(2 * (decibels + 120), 0), 255));
    }
  }
  return found;
}

let sound = null, loudest = 0, soundImage = null;

// Decodes the sound and makes its columns, a second's work in pieces.
async function makeSpectrogram() {
  const media = data.media;
  if (!media) return noSpectrogram("there is no sound here");
  if (media.link) return noSpectrogram("the file is not inside this page");
  if (data.duration > LONGEST) {
    return noSpectrogram(`it is drawn of up to ${LONGEST / 60} minutes`);
  }
  let samples;
  try {
    const copy = bytes(find("media").textContent).buffer;
    samples = mixed(
      await new OfflineAudioContext(1, 1, RATE).decodeAudioData(copy));
  } catch {
    return noSpectrogram("this browser cannot decode the sound");
  }
  const total = Math.ceil(samples.length / STEP);
  const columns = new Uint8Array(total * BANDS);
  for (let k = 0; k < total; k += 500) {
    const last = Math.min(k + 500, total);
    columns.set(levels(samples, k, last), k * BANDS);
    await new Promise((resume) => setTimeout(resume));
  }
  sound = columns;
  loudest = columns.reduce((most, level) => Math.max(most, level), 0);
  const seconds = samples.length / RATE;
  find("sound-note").textContent =
    Math.abs(seconds - data.duration) < 0.2 ? ""
      : `Here the sound lasts ${clockText(seconds)}; the detector heard ` +
        `${clockText(data.duration)}. Times below the scores may be shifted.`;
  find("spectrogram").hidden = find("bands").hidden = false;
  show(now());
}

function noSpectrogram(why) {
  find("sound-note").textContent = `No spectrogram: ${why}.`;
}

// The mean of the channels.
function mixed(buffer) {
  const first = buffer.getChannelData(0);
  for (let c = 1; c < buffer.numberOfChannels; c++) {
    const other = buffer.getChannelData(c);
    for (let i = 0; i < first.length; i++) first[i] += other[i];
  }
  const n = buffer.numberOfChannels;
  return n > 1 ? first.map((value) => value / n) : first;
}

// The largest level of each pixel's columns, kept until the view moves.
function soundPicture(width) {
  if (soundImage && soundImage.width === width) return soundImage;
  soundImage = document.createElement("canvas");
  soundImage.width = width;
  soundImage.height = BANDS;
  const context = soundImage.getContext("2d");
  const image = context.createImageData(width, BANDS);
  const [r, g, b] = colour("--sound").split(",").map(Number);
  const total = sound.length / BANDS, scale = RATE / STEP;
  const step = (view.to - view.from) / width, floor = loudest - 2 * RANGE;
  const most = new Uint8Array(BANDS);
  for (let x = 0; x < width; x++) {
    const from = view.from + x * step;
    const first = Math.round(from * scale);
    const last = Math.max(Math.round((from + step) * scale), first + 1);
    most.fill(0);
    for (let k = first; k < Math.min(last, total); k++) {
      for (let band = 0; band < BANDS; band++) {
        most[band] = Math.max(most[band], sound[k * BANDS + band]);
      }
    }
    for (let band = 0; band < BANDS; band++) {
      const at = 4 * ((BANDS - 1 - band) * width + x);
      image.data[at] = r;
      image.data[at + 1] = g;
      image.data[at + 2] = b;
      image.data[at + 3] = 255 * (most[band] - floor) / (2 * RANGE);
    }
  }
  context.putImageData(image, 0, 0);
  return soundImage;
}

function drawSpectrogram(time) {
  if (!sound) return;
  const [context, width] = prepare(find("spectrogram"), 128);
  const picture = soundPicture(Math.min(Math.max(Math.round(width), 1), 2000));
  context.drawImage(picture, 0, 0, width, 128);
  context.fillStyle = colour("--head");
  const at = (time - view.from) / (view.to - view.from) * width;
  context.fillRect(at - 1, 0, 2, 128);
}
