// Elements, times and requests: what all parts of the page use.

export const byId = (id) => document.getElementById(id);

/** An element. Names with a dash become attributes, others properties; null children are left out. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const button = (text, onclick, className = "quiet") =>
  make("button", { type: "button", textContent: text, className, onclick });

/** A button for what cannot be undone: pressed once it asks, pressed again it acts. */
export function twice(text, question, act) {
  const element = button(text, () => {
    if (element.textContent === question) return act();
    element.textContent = question;
  });
  element.addEventListener("blur", () => { element.textContent = text; });
  return element;
}

/** Shows text, or hides the element where there is none. */
export function tell(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

/** What a request answers. Throws an Error whose message can be shown. */
export async function request(path, options = {}) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Is `ntlbg serve` still running?");
  }
  const isJson = reply.headers.get("content-type")?.startsWith("application/json");
  if (reply.ok) return isJson ? reply.json() : reply.text();
  throw new Error(isJson ? (await reply.json()).error : `The server answered ${reply.status}.`);
}

export const post = (path, body) =>
  request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

export const remove = (path) => request(path, { method: "DELETE" });

/** mm:ss, from one hour on h:mm:ss. */
export function timestamp(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return (hours ? `${hours}:${two(minutes)}` : two(minutes)) + `:${two(whole % 60)}`;
}

/** Seconds of 90, 1:30 or 1:02:03.5; null of nothing, NaN of anything else. */
export function readSeconds(text) {
  if (!text.trim()) return null;
  const found = /^(?:(?:(\d+):(?=[0-5]?\d:))?(\d+):(?=[0-5]?\d(?:\.\d*)?$))?(\d+(?:\.\d*)?)$/.exec(text.trim());
  if (!found) return NaN;
  const [hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  return 3600 * hours + 60 * minutes + seconds;
}

/** How long something takes, as people say it. */
export function duration(seconds) {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${value < 10 && step > 1 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

/** A bar; without a share it says only that something is being done. */
export function bar(share, label) {
  const element = make("progress", { max: 1, "aria-label": label });
  if (share !== null) element.value = share;
  return element;
}

/** Names of files may hold what is no text: lone surrogates, which are shown as a question mark. */
export const readable = (name) => name.toWellFormed?.() ?? name;
