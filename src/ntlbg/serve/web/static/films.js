// The shelf: films to choose from, and films that are brought here.
import { bar, button, byId, make, readable, request, size, tell } from "./dom.js";

export class Shelf {
  /** `open` is called with the id of a film that is to be shown. */
  constructor(settings, open) {
    Object.assign(this, { settings, open, films: [], isAll: true });
    byId("search").addEventListener("input", () => this.draw());
    byId("file").addEventListener("change", (event) => this.bring([...event.target.files]));
    this.listenForDrops();
    tell(byId("bring-limit"), `Up to ${size(settings.max_upload_bytes)} each; it stays on the machine of this server.`);
  }

  async show() {
    const { films, is_all: isAll, roots } = await request("/api/films");
    Object.assign(this, { films, isAll });
    tell(byId("roots"), roots.length ? `From ${roots.map(readable).join(", ")}` : "");
    this.draw();
  }

  draw() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.films.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
    byId("films").replaceChildren(...found.map((film) => this.row(film)));
    tell(byId("found"), this.summary(found.length, words.length > 0));
  }

  summary(found, isSearch) {
    if (!this.films.length) return "There are no films in these folders yet. Bring one, or start the server with --root FOLDER.";
    if (isSearch && !found) return "No film has these words in its name.";
    const number = `${found} ${found === 1 ? "film" : "films"}`;
    return this.isAll ? number : `${number}; there are more, which cannot be listed here`;
  }

  row({ id, name, uploaded }) {
    const parts = readable(name).split("/");
    const link = make("a", { href: `/?film=${id}` },
      make("span", { className: "film-title", textContent: parts.pop() }),
      make("span", { className: "soft small", textContent: uploaded ? "brought here" : parts.join(" / ") }));
    link.dataset.film = id;
    return make("li", {}, link);
  }

  listenForDrops() {
    const place = byId("bring");
    const isOver = (value) => place.classList.toggle("over", value);
    addEventListener("dragover", (event) => { event.preventDefault(); isOver(true); });
    addEventListener("dragleave", (event) => { if (!event.relatedTarget) isOver(false); });
    addEventListener("drop", (event) => {
      event.preventDefault();
      isOver(false);
      this.bring([...event.dataTransfer.files]);
    });
  }

  bring(files) {
    byId("file").value = "";
    if (byId("chooser").hidden) this.open(null); // dropped on a film: it is shown where films are brought
    const rows = files.map((file) => new Upload(file, this.settings.max_upload_bytes, (id) => this.open(id)));
    byId("uploads").append(...rows.map((row) => row.element));
    rows.forEach((row) => row.start());
  }
}

/** One file on its way, with its progress; refusals are told in its row. */
class Upload {
  constructor(file, most, done) {
    Object.assign(this, { file, most, done, sender: new XMLHttpRequest() });
    this.text = make("span", { role: "status" });
    this.stop = button("Cancel", () => this.sender.abort());
    this.element = make("div", { className: "progress upload" }, make("p", {}, this.text, this.stop));
  }

  start() {
    if (this.file.size > this.most) {
      return this.refuse(`${this.file.name} has ${size(this.file.size)}; ${size(this.most)} is the most that is taken here.`);
    }
    const { sender } = this;
    sender.upload.addEventListener("progress", (event) => this.moved(event.loaded / event.total));
    sender.addEventListener("load", () => this.answered());
    sender.addEventListener("error", () => this.refuse(`${this.file.name}: the connection ended; try again.`));
    sender.addEventListener("abort", () => this.refuse(`${this.file.name}: cancelled; nothing of it is kept.`));
    sender.open("PUT", `/api/uploads/${encodeURIComponent(this.file.name)}`);
    sender.send(this.file);
    this.moved(0);
  }

  moved(share) {
    this.text.textContent = share < 1 ? `Bringing ${this.file.name}, ${Math.floor(100 * share)} %` : `Looking at ${this.file.name}`;
    this.element.querySelector("progress")?.remove();
    this.element.append(bar(share, `Bringing ${this.file.name}`));
  }

  answered() {
    const reply = JSON.parse(this.sender.responseText || "{}");
    if (this.sender.status !== 201) return this.refuse(`${this.file.name}: ${reply.error ?? "it was refused."}`);
    this.element.remove();
    return this.done(reply.id);
  }

  refuse(text) {
    this.element.querySelector("progress")?.remove();
    this.text.textContent = text;
    this.element.classList.add("refused");
    this.stop.replaceWith(button("Close", () => this.element.remove()));
  }
}
