// Thresholds: tried live by the command `thresholds`, written to the file after its difference was shown.

import { announce, find, make, say } from "./dom.js";
import { ask } from "./server.js";

// What most people want to try, in words, with the range that is of use; the rest comes under "more".
const COMMON = {
  "fusion.uncertain_below": ["Uncertain below", 0, 1, 0.01],
  "fusion.hysteresis": ["A new emotion must lead by", 0, 0.5, 0.01],
  "fusion.dwell_ms": ["A new emotion must last (ms)", 0, 5000, 50],
  "fusion.smoothing_ms": ["Smoothing (ms)", 0, 5000, 50],
  "fusion.face_weight": ["Trust in the face", 0, 1, 0.05],
  "fusion.speech_weight": ["Trust in the voice", 0, 1, 0.05],
  "fusion.text_weight": ["Trust in the words", 0, 1, 0.05],
  "face.least_quality": ["Least quality of a face", 0, 1, 0.01],
  "face.smallest_px": ["Smallest face (pixels)", 24, 300, 2],
  "speech.voice_threshold": ["Voice activity above", 0.01, 0.99, 0.01],
  "speech.quiet_dbfs": ["Silence below (dBFS)", -90, -10, 1],
};
const TRY_MS = 150;
const sliders = {};
let may = false;
let file = null;
let inForce = null;

export const take = {
  async hello({ scopes }) {
    may = scopes.includes("control");
    try {
      build(await (await ask("GET", "/v1/settings")).json());
    } catch (error) {
      announce(`Thresholds: ${error.message}`);
    }
  },
  settings({ thresholds }) {
    inForce = thresholds;
    draw();
  },
};

function build(settings) {
  file = settings.file;
  const boxes = { common: [], more: [] };
  for (const [section, keys] of Object.entries(settings.thresholds)) {
    for (const [key, known] of Object.entries(keys)) {
      const name = `${section}.${key}`;
      boxes[COMMON[name] ? "common" : "more"].push([Object.keys(COMMON).indexOf(name), slider(section, key, known)]);
    }
  }
  const elements = (box) => box.sort(([one], [other]) => one - other).map(([, element]) => element);
  find("sliders").replaceChildren(...elements(boxes.common));
  find("more-sliders").replaceChildren(...elements(boxes.more));
  if (settings.mistake) announce(settings.mistake);
  draw();
}

function slider(section, key, known) {
  const id = `threshold-${section}-${key}`;
  const whole = known.type === "integer";
  const [title, low, high, step] = COMMON[`${section}.${key}`]
    ?? [`${section}: ${key.replaceAll("_", " ")}`, known.minimum, known.maximum, whole ? 1 : 0.01];
  const describe = { "aria-describedby": `${id}-words`, disabled: !may };
  const range = make("input", { type: "range", id, min: low, max: high, step, ...describe });
  const exact = make("input", { type: "number", min: known.minimum, max: known.maximum, step: whole ? 1 : "any", "aria-label": `${title}, exactly`, ...describe });
  const differs = make("span", { class: "differs" });
  const words = make("p", { id: `${id}-words`, class: "faint" }, known.description ?? "");
  const wrong = make("p", { role: "alert" });
  let timer = 0;
  const attempt = (value) => {
    range.value = value;
    exact.value = value;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        const answer = await ask("POST", "/v1/commands/thresholds", { [section]: { [key]: Number(value) } });
        inForce = (await answer.json()).result;
        say(wrong, "");
      } catch (error) {
        say(wrong, error.message);
      }
      timer = 0;
      draw();
    }, TRY_MS);
  };
  range.oninput = () => attempt(range.value);
  exact.onchange = () => exact.value !== "" && attempt(exact.value);
  sliders[`${section}.${key}`] = {
    section, key,
    said: known.file ?? known.default,
    // What is being moved is not pulled back by news of a moment ago.
    set(value) {
      if (timer) return;
      if (Number(range.value) !== value) range.value = value;
      if (document.activeElement !== exact && Number(exact.value) !== value) exact.value = value;
      say(differs, value === this.said ? "" : ` (${file ? "file" : "at the start"}: ${this.said})`);
    },
  };
  return make("div", { class: "slider" }, make("label", { for: id }, title, differs), range, exact, words, wrong);
}

function changed() {
  return Object.values(sliders).filter(({ section, key, said }) => inForce[section][key] !== said);
}

function draw() {
  if (!inForce || !Object.keys(sliders).length) return;
  for (const entry of Object.values(sliders)) entry.set(inForce[entry.section][entry.key]);
  const count = changed().length;
  const where = file ? "in the file" : "at the start";
  say(find("changed"), !may ? "This token lacks the scope control." : count ? `${count} ${count === 1 ? "is" : "are"} not as ${where}.` : `All are as ${where}.`);
  find("difference").disabled = !(may && count && file);
  find("back").disabled = !(may && count);
}

const dialog = find("write-dialog");
const wrong = find("write-wrong");
let digest = "";

find("difference").onclick = async () => {
  try {
    showDifference(await (await ask("GET", "/v1/config")).json());
    say(wrong, "");
    find("write").disabled = false;
    dialog.showModal();
  } catch (error) {
    announce(error.message);
  }
};

function showDifference(proposal) {
  digest = proposal.digest;
  say(find("write-file"), proposal.file);
  // The first two lines name the file, which stands above.
  find("diff").replaceChildren(...proposal.diff.split("\n").slice(2, -1).map((line) => {
    const kind = { "+": "added", "-": "removed" }[line[0]] ?? "";
    return make("div", { class: kind }, line || " ");
  }));
}

find("write").onclick = async () => {
  try {
    const written = await (await ask("PUT", "/v1/config", { digest })).json();
    dialog.close();
    announce(`Written to ${written.file}.`);
    build(await (await ask("GET", "/v1/settings")).json());
  } catch (error) {
    say(wrong, error.message);
    find("write").disabled = true;
    // Something changed meanwhile: what it is now, to be looked at again.
    if (error.status === 409) {
      showDifference(await (await ask("GET", "/v1/config")).json());
      find("write").disabled = false;
    }
  }
};
find("write-close").onclick = () => dialog.close();

find("back").onclick = async () => {
  const values = {};
  for (const { section, key, said } of changed()) (values[section] ??= {})[key] = said;
  try {
    await ask("POST", "/v1/commands/thresholds", values);
    announce(file ? "As in the file again." : "As at the start again.");
  } catch (error) {
    announce(error.message);
  }
};
