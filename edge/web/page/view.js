// What the camera sees, while somebody wants to see it: pictures come one by one, boxes and bars are drawn here.

import { find, percent, say } from "./dom.js";
import { ask } from "./server.js";

const STALE_MS = 3000;
const canvas = find("picture");
const button = find("show");
let may = false;
let names = [];
let colours = {};
let settings = null;
let stop = null;  // ends the stream that runs
let wanted = false;
let described = 0;
let stale = 0;
let problem = "";

export const take = {
  hello(hello) {
    ({ emotions: names, colours } = hello);
    may = hello.scopes.includes("view");
  },
  settings(value) {
    settings = value;
    draw();
    if (wanted && !stop && open() && !document.hidden) watch();
    if (stop && !open()) stop.abort();
  },
};

export function lost() {
  stop?.abort();
}

const open = () => may && settings?.view && settings.camera !== "off" && !settings.muted.includes("camera");

function draw() {
  const { view, camera, muted } = settings;
  button.hidden = !open();
  say(button, wanted ? "Hide" : "Show");
  if (!(wanted && open() && stop)) canvas.hidden = true;
  find("live").classList.toggle("off", canvas.hidden);
  find("watching").hidden = !view?.watching;
  say(find("watching"), view?.watching ? `● on, ${view.watching} watching` : "");
  let words = "";
  if (camera === "off") words = "No camera is used.";
  else if (muted.includes("camera")) words = "The camera is muted: nothing is seen.";
  else if (!view) words = "Off. Pictures stay where they are seen, unless the configuration allows a live view ([web] live_view).";
  else if (!may) words = "This token lacks the scope view.";
  else if (camera === "down") words = "The camera does not answer; see Health.";
  else if (wanted && canvas.hidden) words = problem || "Waiting for a picture.";
  else if (!wanted) words = "Off. While somebody watches, everybody who has this page open can see that it is on.";
  say(find("live-words"), words);
}

button.onclick = () => {
  wanted = !wanted;
  if (wanted) watch();
  else stop?.abort();
  draw();
};

// Nobody watches a page that is hidden.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stop?.abort();
  else if (settings) take.settings(settings);
});

async function watch() {
  const mine = new AbortController();
  stop = mine;
  problem = "";
  try {
    const answer = await ask("GET", "/v1/view", undefined, mine.signal);
    for await (const { about, picture } of pictures(answer.body.getReader())) await show(about, picture);
  } catch (error) {
    if (!mine.signal.aborted) problem = error.message;
  } finally {
    stop = null;
    clear();
  }
}

// An old picture must not pass for what is there now.
function clear() {
  clearTimeout(stale);
  canvas.width = 0;
  canvas.hidden = true;
  if (settings) draw();
}

// The parts of a multipart body: lines of a head, an empty line, as many bytes as Content-Length says.
async function* pictures(reader) {
  let bytes = new Uint8Array();
  const more = async () => {
    const { done, value } = await reader.read();
    if (done) return false;
    const both = new Uint8Array(bytes.length + value.length);
    both.set(bytes);
    both.set(value, bytes.length);
    bytes = both;
    return true;
  };
  for (;;) {
    let end;
    while ((end = headEnd(bytes)) < 0) if (!(await more())) return;
    const head = new TextDecoder().decode(bytes.subarray(0, end));
    const length = Number(head.match(/Content-Length: (\d+)/)[1]);
    const begin = end + 4;
    while (bytes.length < begin + length + 2) if (!(await more())) return;
    yield { about: JSON.parse(head.match(/X-View: (.*)/)[1]), picture: bytes.slice(begin, begin + length) };
    bytes = bytes.subarray(begin + length + 2);
  }
}

function headEnd(bytes) {
  for (let at = 0; at + 3 < bytes.length; at += 1) {
    if (bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

async function show(about, picture) {
  const image = await createImageBitmap(new Blob([picture], { type: "image/jpeg" }));
  if (!stop) return;
  clearTimeout(stale);
  stale = setTimeout(clear, STALE_MS);
  if (canvas.hidden) {
    canvas.hidden = false;
    draw();
  }
  const scale = canvas.clientWidth / about.width_px;
  const ratio = devicePixelRatio;
  canvas.width = Math.round(about.width_px * scale * ratio);
  canvas.height = Math.round(about.height_px * scale * ratio);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const face of about.faces) drawFace(context, face, scale, about.width_px * scale);
  if (Date.now() - described > 3000) {
    described = Date.now();
    const told = about.faces.map((face) => `${face.subject} ${face.abstained ? `not judged: ${face.abstained}` : best(face)}`);
    canvas.setAttribute("aria-label", `Live picture: ${told.join(", ") || "no face"}`);
  }
}

function best({ probabilities }) {
  const name = names.reduce((one, other) => (probabilities[other] > probabilities[one] ? other : one));
  return `${name} ${percent(probabilities[name])}`;
}

function drawFace(context, face, scale, width) {
  const x = face.box.x_px * scale;
  const y = face.box.y_px * scale;
  const right = x + face.box.width_px * scale;
  const words = `${face.subject} ${face.abstained ? face.abstained : best(face)}`;
  const colour = face.abstained ? "#cdcdcd" : colours[best(face).split(" ")[0]];
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(x, y, right - x, face.box.height_px * scale);
  const top = Math.max(0, y - 18);
  shade(context, x, top, context.measureText(words).width + 8, 18);
  context.fillStyle = "#fff";
  context.fillText(words, x + 4, top + 9);
  if (face.abstained) return;
  // Beside the box where there is room: right, else left, else inside.
  const narrow = width < 420;
  const [wide, step, name] = narrow ? [80, 14, 34] : [104, 14, 54];
  const at = right + 4 + wide <= width ? right + 4 : x - 4 - wide >= 0 ? x - 4 - wide : x + 4;
  shade(context, at, Math.max(0, y), wide, step * names.length + 4);
  names.forEach((emotion, number) => {
    const middle = Math.max(0, y) + 2 + step * (number + 0.5);
    context.fillStyle = "#fff";
    context.fillText(narrow ? emotion.slice(0, 4) : emotion, at + 3, middle, name - 5);
    context.fillStyle = colours[emotion];
    context.fillRect(at + name, middle - 4, Math.max(1, (wide - name - 4) * face.probabilities[emotion]), 8);
  });
}

function shade(context, x, y, width, height) {
  context.fillStyle = "rgb(0 0 0 / 65%)";
  context.fillRect(x, y, width, height);
}
