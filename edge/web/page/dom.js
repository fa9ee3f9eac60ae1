// Small words for the document; text is set as text, never as HTML.

export const find = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// Only what differs: what stays the same is not read out again.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const percent = (share) => `${Math.round(share * 100)}\u00a0%`;

// One sentence at a time for everybody, and for a screen reader too.
let ends = 0;
export function announce(text) {
  const status = find("status");
  status.textContent = text;
  clearTimeout(ends);
  ends = setTimeout(() => { status.textContent = ""; }, 8000);
}

export function facts(list, entries) {
  const wanted = entries.filter(([, value]) => value !== null);
  if (list.children.length !== wanted.length * 2) {
    list.replaceChildren(...wanted.flatMap(() => [make("dt"), make("dd")]));
  }
  wanted.forEach(([name, value, state], number) => {
    const told = list.children[number * 2 + 1];
    say(list.children[number * 2], name);
    say(told, value);
    told.className = state ?? "";
  });
}
