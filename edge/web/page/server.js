// Asking the server. The token is kept in this tab's session and sent as a header: never in a cookie or an address.

const KEY = "emotion-edge token";
const dialog = document.getElementById("token-dialog");
const form = document.getElementById("token-form");
const field = document.getElementById("token");
const wrong = document.getElementById("token-wrong");
let asking = null;

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Each answer is a Response that is well; a 401 asks for a token and tries again.
export async function ask(method, path, body, signal) {
  for (;;) {
    const token = sessionStorage.getItem(KEY);
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
    if (answer.ok) return answer;
    const told = await answer.json().then((json) => json.error.message, () => answer.statusText);
    if (answer.status !== 401) throw new Refusal(answer.status, told);
    if (sessionStorage.getItem(KEY) === token) await newToken(token !== null);
  }
}

export const forget = () => sessionStorage.removeItem(KEY);
export const remembered = () => sessionStorage.getItem(KEY) !== null;

function newToken(refused) {
  wrong.textContent = refused ? "This is not a token of this device." : "";
  asking ??= new Promise((resolve) => {
    forget();
    field.value = "";
    dialog.showModal();
    field.focus();
    form.onsubmit = (event) => {
      event.preventDefault();
      // What a header cannot carry is no token.
      const given = field.value.trim().replace(/[^\x21-\x7e]/g, "?");
      if (!given) return;
      sessionStorage.setItem(KEY, given);
      field.value = "";
      asking = null;
      dialog.close();
      resolve();
    };
  });
  return asking;
}
dialog.addEventListener("cancel", (event) => event.preventDefault());

// Server-sent events: each as take(name, value). EventSource could not send the token.
export async function listen(path, take, signal) {
  const answer = await ask("GET", path, undefined, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const messages = (rest + value).split("\n\n");
    rest = messages.pop();
    for (const message of messages) {
      const match = message.match(/^event: (.*)\ndata: (.*)$/);
      if (match) take(match[1], JSON.parse(match[2]));
    }
  }
}
