// One stream of what the service tells; each part of the page takes what concerns it.

import * as events from "./events.js";
import * as health from "./health.js";
import * as models from "./models.js";
import * as mute from "./mute.js";
import * as now from "./now.js";
import * as thresholds from "./thresholds.js";
import * as timeline from "./timeline.js";
import * as view from "./view.js";
import { announce, find, say } from "./dom.js";
import { forget, listen, remembered } from "./server.js";

const parts = [now, timeline, events, health, models, mute, view, thresholds];
const LONGEST_WAIT_MS = 10000;
// A browser opens six connections to a device, for all its tabs together: those that nobody looks at must not hold them.
const REST_AFTER_MS = 60000;
let wait = 500;
let lost = false;
let resting = 0;
let current = new AbortController();

function take(name, value) {
  if (name === "hello") hello(value);
  for (const part of parts) part.take?.[name]?.(value);
}

function hello(value) {
  wait = 500;
  say(find("device"), value.device);
  say(find("place"), value.place);
  document.title = `${value.device} · emotion-edge`;
  say(find("version"), `emotion-edge ${value.version}`);
  find("forget").hidden = !remembered();
  banner("");
  if (lost) announce("Connected again.");
  lost = false;
  document.body.dataset.connected = "yes";
}

function banner(text) {
  find("banner").hidden = !text;
  say(find("banner"), text);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(() => current.abort(), REST_AFTER_MS);
});

async function looked() {
  while (document.hidden) {
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

async function run() {
  for (;;) {
    await looked();
    current = new AbortController();
    try {
      await listen("/v1/now", take, current.signal);
    } catch (error) {
      if (current.signal.aborted) continue;
      // 503: a server without a service, or too many who look on; it says so itself.
      if (error.status) banner(`${error.message[0].toUpperCase()}${error.message.slice(1).replace(/\.$/, "")}.`);
      else if (!(error instanceof TypeError)) console.error(error);
    }
    if (document.body.dataset.connected === "yes") {
      document.body.dataset.connected = "no";
      lost = true;
      banner("The connection to the device is lost; trying again. What you see is from before.");
      view.lost();
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
}

find("forget").onclick = () => {
  forget();
  location.reload();
};
run();
