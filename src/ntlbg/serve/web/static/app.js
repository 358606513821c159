// The page of `ntlbg serve`: which film is shown is in the address, all else comes from the server.
// START HERE; each part of the page is a file beside this one.
import { byId, readable, request, tell } from "./dom.js";
import { FilmPanel } from "./film.js";
import { Shelf } from "./films.js";
import { hasEnded, history, progressText, Stream } from "./jobs.js";
import { Settings } from "./settings.js";
import { Talks } from "./talk.js";

class App {
  constructor(given) {
    this.film = null;
    this.settings = new Settings(given, () => this.drawSettings());
    const announce = (text) => { byId("status").textContent = text; };
    const wishes = () => this.settings.wishes();
    this.shelf = new Shelf(given, (id) => this.go(id));
    this.panel = new FilmPanel({ wishes, announce, onGone: () => this.go(null) });
    this.talks = new Talks({ wishes, announce, onAnswered: () => this.panel.refresh(), check: () => this.settings.check() });
    this.drawSettings();
    this.listen();
  }

  listen() {
    document.addEventListener("click", (event) => this.clicked(event));
    addEventListener("popstate", () => this.show());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.catchUp(); });
    this.stream = new Stream({
      onJob: (job) => this.put(job),
      onOpen: () => { tell(byId("away"), ""); this.catchUp(); },
      onAway: () => tell(byId("away"), "The server does not answer. This page goes on by itself as soon as it does; start it again with ntlbg serve if it was stopped."),
    });
  }

  drawSettings() {
    byId("chosen").textContent = this.settings.summary();
  }

  /** Links to films and to moments of this one. */
  clicked(event) {
    const link = event.target.closest("a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const act = this.actionOf(link);
    if (!act) return;
    event.preventDefault();
    act();
  }

  actionOf(link) {
    if (link.dataset.film) return () => this.go(link.dataset.film);
    if ("home" in link.dataset) return () => this.go(null);
    if (link.dataset.at) return () => this.panel.jump(Number(link.dataset.at));
    if (link.matches(".pick, .quoted")) return () => this.showMark(byId(link.hash.slice(1)));
    return null;
  }

  /** A mark on the time line plays its moment, and shows which picture or quotation it is. */
  showMark(element) {
    for (const one of document.querySelectorAll(".shown")) one.classList.remove("shown");
    element.classList.add("shown");
    const link = element.querySelector("a[data-at]");
    if (link) this.panel.jump(Number(link.dataset.at));
  }

  go(film) {
    window.history.pushState(null, "", film ? `/?film=${film}` : "/");
    return this.show();
  }

  async show() {
    const film = new URLSearchParams(location.search).get("film");
    byId("chooser").hidden = film !== null;
    byId("room").hidden = film === null;
    if (film === null) return this.showShelf();
    if (film === this.film) return;
    this.film = film;
    this.settings.forgetSpan();
    this.drawSettings();
    this.talks.clear(film);
    try {
      await this.panel.show(film);
      await this.catchUp();
      if (matchMedia("(hover: hover)").matches) byId("question").focus();
      else byId("film-name").focus();
    } catch (error) {
      this.showFailure(error);
    }
  }

  async showShelf() {
    this.film = null;
    this.panel.hide();
    document.title = "NTLBG-LLM";
    tell(byId("elsewhere"), "");
    await this.shelf.show().catch((error) => tell(byId("found"), error.message));
    byId("chooser-title").focus();
  }

  showFailure(error) {
    this.film = null;
    window.history.replaceState(null, "", "/");
    byId("room").hidden = true;
    byId("chooser").hidden = false;
    this.shelf.show().then(() => tell(byId("found"), error.message), () => tell(byId("found"), error.message));
  }

  /** What is known on disk: answers of other days, and what ended while nobody listened. */
  async catchUp() {
    const { film } = this;
    if (film === null || this.panel.film?.id !== film) return;
    const jobs = await history(film).catch(() => null); // the stream says that the server is away
    if (jobs === null || this.film !== film) return;
    this.talks.show(jobs);
    const reading = jobs.filter((job) => job.kind === "index").at(-1);
    if (reading && reading.state !== "done" && reading.state !== "cancelled") this.panel.put(reading);
  }

  put(job) {
    if (job.film !== this.film) return this.tellElsewhere(job);
    if (job.kind === "index") return this.panel.put(job);
    this.talks.put(job);
  }

  tellElsewhere(job) {
    tell(byId("elsewhere"), hasEnded(job) ? "" : `${readable(job.film_name)}: ${progressText(job)}`);
  }
}

request("/api/settings").then(
  (given) => new App(given).show(),
  (error) => tell(byId("away"), `${error.message} Load this page again then.`),
);
