// The present estimate of whoever is nearest.

import { facts, find, make, percent, say } from "./dom.js";

let colours = {};
const rows = {};

export const take = {
  hello({ emotions, colours: given }) {
    colours = given;
    find("bars").replaceChildren(...emotions.map((emotion) => {
      const fill = make("div");
      fill.style.background = colours[emotion];
      const value = make("span", { class: "value" });
      rows[emotion] = { fill, value };
      return make("li", {}, make("span", {}, emotion), make("div", { class: "bar", "aria-hidden": "true" }, fill), value);
    }));
  },
  state(state) {
    const { emotion, probabilities, modalities } = state;
    say(find("emotion"), emotion ?? "nobody");
    find("emotion").style.setProperty("--colour", emotion ? colours[emotion] : "transparent");
    say(find("confidence"), emotion ? percent(state.confidence) : "");
    for (const [name, { fill, value }] of Object.entries(rows)) {
      const share = probabilities?.[name] ?? 0;
      fill.style.width = `${share * 100}%`;
      say(value, probabilities ? percent(share) : "–");
    }
    const senses = Object.entries(modalities ?? {}).map(([sense, part]) => `${sense} ${percent(part.weight)}`);
    facts(find("facts"), [
      ["Who", emotion ? state.subject : "–"],
      ["In view", state.people === 1 ? "1 person" : `${state.people} people`],
      ["From", senses.join(", ") || "–"],
      ["Agreement", state.agreement === null ? "–" : percent(state.agreement)],
      ["Valence, arousal", emotion ? `${state.valence.toFixed(2)}, ${state.arousal.toFixed(2)}` : "–"],
    ]);
  },
};
