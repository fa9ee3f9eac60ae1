// The models that run here, and what was measured of each, as its package tells.

import { find, make, percent } from "./dom.js";

const FIGURES = [["accuracy", "accuracy"], ["uar", "UAR"], ["ap", "average precision"], ["recall_at_threshold", "recall"]];

export const take = {
  info(info) {
    find("disclosure").textContent = `${info.privacy}${info.use ? ` Declared use: ${info.use}.` : ""}`;
    find("model-rows").replaceChildren(...info.models.map((model) => make("tr", {},
      make("th", { scope: "row" }, `${model.task}: ${model.name} ${model.version}`, make("div", { class: "faint" }, `on the ${model.accelerator.toUpperCase()}`)),
      make("td", {}, make("ul", { class: "figures" }, ...measured(model.metrics))),
    )));
  },
};

// Of what runs here only: the int8 figures, and those of the learned fusion.
function measured(metrics, path = []) {
  const known = FIGURES.filter(([key]) => typeof metrics[key] === "number");
  if (known.length) {
    const count = metrics.count ?? metrics.faces;
    const told = known.map(([key, name]) => `${name} ${percent(metrics[key])}`).join(", ");
    return [make("li", {}, make("strong", {}, told), ` ${path.join(", ")}${count ? ` (${count.toLocaleString("en")})` : ""}`)];
  }
  const branches = Object.entries(metrics).filter(([, value]) => value !== null && typeof value === "object");
  const here = branches.filter(([name]) => name === "int8" || name === "learned");
  if (here.length) return here.flatMap(([, value]) => measured(value, path));
  return branches.flatMap(([name, value]) => measured(value, [...path, name]));
}
