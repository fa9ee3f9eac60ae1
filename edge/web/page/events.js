// What has happened, newest first; read out as it comes, but not what was there before.

import { find, make, percent } from "./dom.js";

const MOST = 50;
const log = find("log");
const list = find("events");
let colours = {};

export const take = {
  hello({ events, colours: given }) {
    colours = given;
    log.setAttribute("aria-live", "off");
    list.replaceChildren(...events.map(line).reverse());
    find("no-events").hidden = events.length > 0;
    setTimeout(() => log.setAttribute("aria-live", "polite"), 1000);
  },
  event(event) {
    list.prepend(line(event));
    while (list.children.length > MOST) list.lastElementChild.remove();
    find("no-events").hidden = true;
  },
};

function line(event) {
  const dot = make("span", { class: "dot", "aria-hidden": "true" });
  dot.style.background = /start|change/.test(event.type) && event.emotion !== "uncertain" ? colours[event.emotion] : "transparent";
  const time = new Date(event.time);
  const clock = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  return make("li", {}, make("time", { dateTime: event.time, class: "faint" }, clock), dot, make("span", {}, words(event)));
}

function words(event) {
  const who = event.subject;
  switch (event.type) {
    case "presence.start": return `${who} came`;
    case "presence.end": return `${who} left after ${seconds(event.duration_ms)}`;
    case "emotion.start": return `${who}: ${event.emotion} (${percent(event.confidence)})`;
    case "emotion.change": return `${who}: ${event.previous} → ${event.emotion} (${percent(event.confidence)})`;
    case "emotion.end": return `${who}: no longer ${event.previous}, after ${seconds(event.duration_ms)}`;
    default: return `${event.type} (${event.count ?? "some"} lost)`;
  }
}

const seconds = (ms) => (ms < 10000 ? `${(ms / 1000).toFixed(1)} s` : ms < 120000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60000)} min`);
