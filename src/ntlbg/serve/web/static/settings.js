// The drawer: what is asked for with every question. Kept in this browser, but for the part of a film.
import { byId, make, readSeconds, timestamp } from "./dom.js";

const KEPT = ["model", "encoder", "num_frames", "max_visual_tokens", "listen", "read_screen"];
const SPAN = ["start_seconds", "end_seconds"];
const NUMBERS = ["num_frames", "max_visual_tokens"];
const PLACE = "ntlbg-settings";

const isCheck = (name) => byId(name).type === "checkbox";
const read = (name) => (isCheck(name) ? byId(name).checked : byId(name).value.trim());
const write = (name, value) => {
  if (isCheck(name)) byId(name).checked = Boolean(value);
  else byId(name).value = value ?? "";
};

export class Settings {
  /** `given` is what the server says; `onChange` is called when a setting is another. */
  constructor(given, onChange) {
    Object.assign(this, { given, onChange });
    this.fillMenus();
    this.restore();
    byId("open-settings").addEventListener("click", () => byId("settings").showModal());
    byId("settings").addEventListener("click", (event) => this.closeOutside(event));
    byId("settings").addEventListener("close", () => this.changed());
    byId("settings-form").addEventListener("input", () => this.changed());
    byId("defaults").addEventListener("click", () => this.reset());
  }

  fillMenus() {
    const { models, encoders, model, encoder, any_model: anyModel } = this.given;
    byId("models").replaceChildren(...models.map((value) => make("option", { value })));
    byId("encoders").replaceChildren(...encoders.map((value) => make("option", { value })));
    byId("model").placeholder = model;
    byId("encoder").placeholder = encoder ?? "that of the model";
    byId("model-help").textContent = anyModel
      ? `Answers. Empty: ${model}. Another name, a folder or one of a hub, is loaded when it is asked.`
      : `Answers. One of ${models.join(", ")}.`;
  }

  restore() {
    let kept = {};
    try {
      kept = JSON.parse(localStorage.getItem(PLACE)) ?? {};
    } catch {} // damaged, or not allowed here: the defaults hold
    for (const name of KEPT) write(name, kept[name] ?? this.given.defaults[name]);
  }

  reset() {
    for (const name of KEPT) write(name, this.given.defaults[name]);
    this.forgetSpan();
    this.changed();
  }

  /** Times of one film mean nothing in another. */
  forgetSpan() {
    for (const name of SPAN) write(name, "");
  }

  changed() {
    this.checkSpan();
    try {
      localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(KEPT.map((name) => [name, read(name)]))));
    } catch {} // not allowed here: they hold until the page is left
    this.onChange();
  }

  checkSpan() {
    const [start, end] = SPAN.map((name) => readSeconds(byId(name).value));
    byId("start_seconds").setCustomValidity(Number.isNaN(start) ? "Give a time such as 90, 1:30 or 1:02:03." : "");
    const isLate = end !== null && end <= (start ?? 0);
    const text = isLate ? "Give an end after the start." : "";
    byId("end_seconds").setCustomValidity(Number.isNaN(end) ? "Give a time such as 90, 1:30 or 1:02:03." : text);
  }

  /** A click beside the drawer closes it, where all in it can be used. */
  closeOutside(event) {
    const drawer = byId("settings");
    if (event.target === drawer && byId("settings-form").reportValidity()) drawer.close();
  }

  /** Whether all in it can be used; else it opens and shows what cannot. */
  check() {
    if (byId("settings-form").checkValidity()) return true;
    byId("settings").showModal();
    return byId("settings-form").reportValidity();
  }

  /** Fields of a request; what is not set is null. */
  wishes() {
    const texts = KEPT.map((name) => [name, read(name)]);
    const values = texts.map(([name, value]) => [name, NUMBERS.includes(name) && value ? Number(value) : value]);
    const spans = SPAN.map((name) => [name, readSeconds(byId(name).value)]);
    return Object.fromEntries([...values, ...spans].map(([name, value]) => [name, value === "" ? null : value]));
  }

  /** One line about what differs from what the server does by itself. */
  summary() {
    const { model, encoder, num_frames: frames, max_visual_tokens: tokens, listen, read_screen: screen,
      start_seconds: start, end_seconds: end } = this.wishes();
    const parts = [`Answered by ${model ?? this.given.model}`];
    if (encoder) parts.push(`encoder ${encoder}`);
    if (frames) parts.push(`${frames} frames`);
    if (tokens) parts.push(`at most ${tokens} tokens`);
    if (start) parts.push(`from ${timestamp(start)}`);
    if (end) parts.push(`up to ${timestamp(end)}`);
    if (listen) parts.push("listening");
    if (screen) parts.push("reading the screen");
    return parts.join(", ");
  }
}
