// Closing and opening camera and microphone: the command `privacy`, as a hub sends it.

import { announce, find, say } from "./dom.js";
import { ask } from "./server.js";

const NAMES = { camera: "Camera", microphone: "Microphone" };
const WORDS = { ok: "on", muted: "muted", off: "not used", down: "on, but not found", starting: "opening", ended: "at its end" };
const all = find("mute-all");
let may = false;
let settings = null;
let busy = false;

export const take = {
  hello({ scopes }) { may = scopes.includes("control"); },
  settings(value) { settings = value; draw(); },
};

function draw() {
  if (!settings) return;
  const used = Object.keys(NAMES).filter((name) => settings[name] !== "off");
  for (const name of Object.keys(NAMES)) {
    const button = find(`mute-${name}`);
    const muted = settings.muted.includes(name);
    button.setAttribute("aria-checked", String(used.includes(name) && !muted));
    block(button, !may || !used.includes(name));
    say(button.querySelector(".word"), !used.includes(name) ? WORDS.off : muted ? WORDS.muted : WORDS[settings[name]] ?? settings[name]);
  }
  const allMuted = used.every((name) => settings.muted.includes(name));
  say(all, allMuted ? "Unmute all" : "Mute all");
  all.dataset.muted = String(!allMuted);
  block(all, !may);
}

function block(button, blocked) {
  button.disabled = blocked;
  button.title = may ? "" : "This token lacks the scope control";
}

async function mute(sensor, muted) {
  if (busy) return;
  busy = true;
  try {
    const answer = await ask("POST", "/v1/commands/privacy", { sensor, muted });
    const { result } = await answer.json();
    const who = NAMES[sensor] ?? "Camera and microphone";
    const keeps = result.kept ? ", also after a restart" : "; a restart will not know of it";
    announce(muted ? `${who} muted${keeps}.` : `${who} no longer muted.`);
  } catch (error) {
    announce(`Not done: ${error.message}`);
  } finally {
    busy = false;
  }
}

for (const name of Object.keys(NAMES)) {
  find(`mute-${name}`).onclick = () => mute(name, !settings.muted.includes(name));
}
all.onclick = () => mute("all", all.dataset.muted === "true");
