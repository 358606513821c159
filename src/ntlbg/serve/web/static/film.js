// The film: what plays it, facts about it, and its scenes in a row.
import { bar, button, byId, make, post, readable, remove, request, tell, timestamp, twice } from "./dom.js";
import { endText, hasEnded, Progress } from "./jobs.js";

const SCENES = 12; // as many pictures as a strip of the server has
// Between two looks at how far a preview is, in milliseconds. Set by hand.
const LOOK_AGAIN = 1000;

const WORDS = { speech: "speech", screen: "text on screen", subtitles: "subtitles" };

export class FilmPanel {
  /** `wishes` gives what the settings say; `onGone` is called when the film was removed. */
  constructor({ wishes, announce, onGone }) {
    Object.assign(this, { wishes, announce, onGone, film: null, wanted: null });
    byId("strip").addEventListener("click", (event) => this.jumpToScene(event));
  }

  /** Throws what the server says where there is no such film. */
  async show(id) {
    clearTimeout(this.timer);
    this.film = await request(`/api/films/${id}`);
    this.wanted = null;
    const name = readable(this.film.name).split("/").pop();
    byId("film-name").textContent = name;
    document.title = `${name} · NTLBG-LLM`;
    byId("reading").replaceChildren();
    this.drawScreen();
    this.drawStrip();
    this.drawFacts();
  }

  hide() {
    clearTimeout(this.timer);
    byId("screen").replaceChildren();
    this.film = null;
  }

  drawScreen() {
    const { film } = this;
    const name = readable(film.name);
    if (film.is_still) return byId("screen").replaceChildren(make("img", { src: `/media/${film.id}`, alt: name }));
    if (film.plays) return this.play(`/media/${film.id}`);
    if (film.preview === "ready") return this.play(`/preview/${film.id}`);
    this.drawMaking();
    if (film.preview === "making") this.timer = setTimeout(() => this.lookAgain(), LOOK_AGAIN);
  }

  play(source) {
    const video = make("video", { src: source, controls: true, preload: "metadata", playsInline: true });
    video.setAttribute("aria-label", readable(this.film.name));
    video.addEventListener("error", () => this.unplayed(source));
    video.addEventListener("loadedmetadata", () => this.arrive(video));
    video.addEventListener("timeupdate", () => this.markScene(video.currentTime));
    byId("screen").replaceChildren(video);
  }

  /** The codec is known, and yet it does not play: a preview is made of it, once. */
  async unplayed(source) {
    const { film } = this;
    if (!source.startsWith("/media/")) return this.drawMaking();
    try {
      const facts = await request(`/api/films/${film.id}?preview=1`);
      if (this.film === film) this.see({ ...facts, plays: false });
    } catch (error) {
      this.announce(error.message);
    }
  }

  drawMaking() {
    const { film } = this;
    const why = `This browser does not play ${film.codec}`;
    const isMade = film.preview === "making";
    const text = isMade ? `${why}; a preview is being made.` : `${why}, and no preview could be made.`;
    const parts = [make("p", { textContent: text })];
    if (isMade) parts.push(bar(film.preview_share, "The preview"));
    if (!isMade) parts.push(make("a", { href: `/media/${film.id}`, textContent: "Open the file itself" }));
    byId("screen").replaceChildren(make("div", { className: "making" }, ...parts));
  }

  async lookAgain() {
    const { film } = this;
    const facts = await request(`/api/films/${film.id}`).catch(() => film); // the server is away: later
    if (this.film === film) this.see(facts.plays ? { ...facts, plays: film.plays } : facts);
  }

  see(facts) {
    this.film = facts;
    this.drawScreen();
    this.drawFacts();
  }

  /** Plays from a time on the player's clock; at once, or as soon as there is something to play. */
  jump(seconds) {
    this.wanted = seconds;
    const video = byId("screen").querySelector("video");
    if (video?.readyState >= HTMLMediaElement.HAVE_METADATA) this.arrive(video);
    else video?.load();
    this.markScene(seconds);
  }

  arrive(video) {
    if (this.wanted === null) return;
    video.currentTime = this.wanted;
    this.wanted = null;
    video.play().catch(() => {}); // it stands at the moment, and the person presses play
  }

  drawStrip() {
    const { film } = this;
    byId("strip").hidden = film.is_still;
    if (film.is_still) return;
    const scenes = Array.from({ length: SCENES }, (_, number) => {
      const seconds = ((number + 0.5) * film.duration_seconds) / SCENES;
      const scene = make("button", { type: "button", title: timestamp(seconds), "aria-label": `Play from ${timestamp(seconds)}` });
      scene.dataset.at = seconds + film.first_picture_seconds;
      scene.style.backgroundPosition = `${(100 * number) / (SCENES - 1)}% 0`;
      scene.style.backgroundImage = `url("/strip/${film.id}")`;
      return scene;
    });
    byId("strip").style.setProperty("--shape", `${film.width} / ${film.height}`);
    byId("strip").replaceChildren(...scenes);
  }

  jumpToScene(event) {
    const scene = event.target.closest("button");
    if (scene) this.jump(Number(scene.dataset.at));
  }

  /** Which scene is on the screen. */
  markScene(seconds) {
    const { first_picture_seconds: first, duration_seconds: length } = this.film;
    const now = Math.min(SCENES - 1, Math.floor((SCENES * Math.max(0, seconds - first)) / length));
    [...byId("strip").children].forEach((scene, number) => scene.classList.toggle("now", number === now));
  }

  drawFacts() {
    const { film } = this;
    const facts = {
      Length: film.is_still ? "a picture" : timestamp(film.duration_seconds),
      Picture: `${film.width} × ${film.height}, ${film.codec}`,
      Words: this.words(),
    };
    const rows = Object.entries(facts).map(([name, value]) =>
      make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value })));
    byId("facts").replaceChildren(...rows);
    byId("film-notes").replaceChildren(...film.notes.map((note) => make("p", { className: "note", textContent: note })));
    this.drawActions();
  }

  words() {
    const { passages, streams } = this.film.words;
    if (!passages) return "none known";
    const names = streams.map((name) => WORDS[name] ?? name).join(", ");
    return `${passages.toLocaleString("en")} ${passages === 1 ? "passage" : "passages"}${names ? `: ${names}` : ""}`;
  }

  drawActions() {
    const { film } = this;
    const read = film.indexed
      ? make("span", { className: "soft small", textContent: "The film is read." })
      : button("Read the film now", () => this.read());
    const forget = twice("Remove this film", "Remove it for good", () => this.forget());
    byId("film-actions").replaceChildren(read, ...(film.uploaded ? [forget] : []));
  }

  /** Index it, and listen to what the settings name. */
  async read() {
    const { model, encoder, listen, read_screen } = this.wishes();
    try {
      this.put(await post("/api/jobs", { kind: "index", film: this.film.id, model, encoder, listen, read_screen }));
    } catch (error) {
      this.say(error.message, true);
    }
  }

  async forget() {
    try {
      await remove(`/api/uploads/${this.film.id}`);
      this.onGone();
    } catch (error) {
      this.say(error.message, true);
    }
  }

  say(text, isRefusal = false) {
    const className = isRefusal ? "refused" : "note";
    byId("reading").replaceChildren(make("p", { className, textContent: text, role: "status" }));
  }

  /** A state of a job that reads this film. */
  put(job) {
    if (job.state === "done") return this.wasRead(job);
    if (hasEnded(job)) {
      this.drawActions();
      return this.say(`Reading the film: ${endText(job)}`, job.state === "failed");
    }
    if (this.progress?.job.id !== job.id || !byId("reading").contains(this.progress.element)) {
      this.progress = new Progress((text) => this.announce(text));
      byId("reading").replaceChildren(this.progress.element);
    }
    this.progress.put(job);
  }

  async wasRead({ result }) {
    const notes = result.notes.length ? ` ${result.notes.join(" ")}` : "";
    this.say(`Read: ${result.frames.toLocaleString("en")} frames, ${result.passages.toLocaleString("en")} passages.${notes}`);
    await this.refresh();
  }

  /** Facts again: what is read and heard may be more now. */
  async refresh() {
    const { film } = this;
    const facts = await request(`/api/films/${film.id}`).catch(() => film);
    if (this.film !== film) return;
    this.film = { ...facts, plays: film.plays };
    this.drawFacts();
  }
}
