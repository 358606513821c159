// Questions about a film and their answers: talks below each other, each question below the one before.
import { button, byId, duration, make, post, remove, request, tell, twice } from "./dom.js";
import { askAgain, endText, hasEnded, Progress, progressText } from "./jobs.js";

const LONG = 120; // letters, as in cards

/** The answered question of a job, or how far it is. */
class Turn {
  constructor(talks, job) {
    this.talks = talks;
    this.isWatched = !hasEnded(job);
    this.body = make("div");
    this.foot = make("div", { className: "foot" });
    this.cuts = make("div", { className: "cuts" });
    this.element = make("article", { className: "turn" }, this.body, this.foot, this.cuts);
    this.element.setAttribute("aria-label", job.request.question);
    this.progress = new Progress((text) => talks.refuse(text));
    this.put(job);
  }

  put(job) {
    const isNew = this.job?.state !== job.state;
    this.job = job;
    if (job.state === "done") return isNew ? this.showCard() : undefined;
    if (isNew) this.drawPlain();
    this.showText();
    if (!hasEnded(job)) this.progress.put(job);
  }

  /** Without a card: the question, and what is known. */
  drawPlain() {
    const { job } = this;
    this.text = make("strong");
    const box = make("section", { className: "card" },
      make("h2", { textContent: job.request.question }),
      make("div", { className: "answers" }, make("p", { className: "answer" }, this.text)));
    box.append(hasEnded(job) ? make("p", { className: "refused", textContent: endText(job) }) : this.progress.element);
    this.body.replaceChildren(box);
    this.drawFoot();
  }

  /** As far as it is written; what is long is set as a text, not as a headline. */
  showText() {
    tell(this.text, this.job.text);
    this.text.parentElement.classList.toggle("long", this.job.text.length > LONG);
  }

  async showCard() {
    if (!this.body.firstChild) this.drawPlain();
    this.progress.element.remove();
    const wasInSight = this.isWatched && this.element.getBoundingClientRect().top < innerHeight;
    try {
      const card = make("template");
      card.innerHTML = await request(`/api/history/${this.job.id}/card`);
      this.body.replaceChildren(card.content);
      if (wasInSight) this.element.scrollIntoView({ block: "start" });
    } catch (error) {
      this.showText();
      this.body.firstChild.append(make("p", { className: "refused", textContent: error.message }));
    }
    this.drawFoot();
    this.talks.drawLegend();
  }

  drawFoot() {
    const { job } = this;
    if (!hasEnded(job)) return this.foot.replaceChildren();
    const forget = twice("Forget", "Forget it for good", () => this.forget());
    forget.setAttribute("aria-description", job.request.question);
    const act = job.state === "done" ? button("Cut clips", () => this.cut()) : button("Ask again", () => this.again());
    act.setAttribute("aria-description", job.request.question);
    this.foot.replaceChildren(act, forget, ...(job.state === "done" ? [this.cost()] : []));
  }

  cost() {
    const { model, usage } = this.job.result;
    const parts = [model, `${usage.frames_used} frames`];
    if (usage.visual_tokens) parts.push(`${usage.visual_tokens.toLocaleString("en")} tokens`);
    if (this.job.took_seconds) parts.push(duration(this.job.took_seconds));
    return make("span", { className: "soft small", textContent: parts.join(" · ") });
  }

  async again() {
    await this.talks.attempt(async () => {
      const job = await askAgain(this.job);
      this.talks.drop(this.job.id);
      this.talks.put(job);
      byId("question").focus();
    });
  }

  async forget() {
    await this.talks.attempt(async () => {
      await remove(`/api/history/${this.job.id}`);
      this.talks.drop(this.job.id);
      byId("question").focus();
    });
  }

  async cut() {
    const { id, film } = this.job;
    await this.talks.attempt(async () => this.talks.put(await post("/api/jobs", { kind: "clips", film, record: id })));
  }

  /** A state of a job that cuts clips of this answer. */
  putCut(job) {
    if (this.cutting && this.cutting.id > job.id) return; // an earlier one
    const isNew = this.cutting?.id !== job.id;
    this.cutting = job;
    if (job.state === "done") return this.showClips(job);
    if (hasEnded(job)) return this.cuts.replaceChildren(make("p", { className: "refused", textContent: `Clips: ${endText(job)}` }));
    if (isNew) this.cutProgress = new Progress((text) => this.talks.refuse(text));
    if (isNew) this.cuts.replaceChildren(this.cutProgress.element);
    this.cutProgress.put(job);
  }

  showClips({ id, result }) {
    const place = `/api/history/${id}/clips/`;
    const link = (file, text) => make("li", {}, make("a", { href: place + encodeURIComponent(file), download: file, textContent: text }));
    const files = result.files.map((file) => link(file, file));
    this.cuts.replaceChildren(
      make("h3", { textContent: "Clips" }),
      make("ul", {}, link("clips.zip", "All in one file"), ...files),
      ...result.notes.map((note) => make("p", { className: "note", textContent: note })));
  }
}

export class Talks {
  /** `wishes` gives what the settings say; `announce` tells people who do not see the page. */
  constructor({ wishes, announce, onAnswered, check }) {
    Object.assign(this, { wishes, announce, onAnswered, check });
    this.forgetAll(null);
    byId("ask").addEventListener("submit", (event) => { event.preventDefault(); this.ask(); });
    byId("question").addEventListener("keydown", (event) => this.key(event));
    byId("afresh").addEventListener("click", () => this.startAfresh());
  }

  /** `open` has the first questions of talks that are shown in full; `turns` all that are drawn. */
  forgetAll(film) {
    Object.assign(this, { film, jobs: new Map(), open: new Set(), turns: new Map(), cuts: [] });
  }

  clear(film) {
    this.forgetAll(film);
    for (const id of ["turns", "earlier"]) byId(id).replaceChildren();
    for (const id of ["question", "options"]) byId(id).value = "";
    byId("choices").open = false;
    tell(byId("ask-error"), "");
    this.drawAround();
  }

  /** What is known on disk. The last talk is open, and those before can be opened. */
  show(jobs) {
    const isFirst = !this.jobs.size;
    const kept = new Set(jobs.map((job) => job.id));
    const gone = [...this.jobs.values()].filter((job) => hasEnded(job) && !kept.has(job.id)); // in another tab
    gone.forEach((job) => this.drop(job.id));
    jobs.filter((job) => job.kind !== "index").forEach((job) => this.put(job));
    if (isFirst && this.jobs.size && !this.open.size) this.openTalk(this.rootOf([...this.jobs.values()].at(-1)));
    this.drawAround();
  }

  rootOf(job) {
    let root = job;
    while (this.jobs.has(root.request.after)) root = this.jobs.get(root.request.after);
    return root.id;
  }

  /** A state of a job about this film that asks, or cuts clips of an answer. */
  put(job) {
    if (job.kind === "clips") return this.putCut(job);
    const before = this.jobs.get(job.id);
    if (before && hasEnded(before)) return; // told late
    this.jobs.set(job.id, job);
    if (!before && !hasEnded(job)) this.openTalk(this.rootOf(job));
    this.turns.get(job.id)?.put(job);
    this.tellOf(before, job);
    if (before?.state !== job.state) this.drawAround();
  }

  /** A talk goes on where all is shown. */
  openTalk(root) {
    this.open.add(root);
    const place = byId("turns");
    for (const job of this.jobs.values()) {
      const turn = this.turns.get(job.id);
      if (this.rootOf(job) !== root || (turn && place.contains(turn.element))) continue;
      turn?.element.remove();
      this.draw(job, place);
    }
  }

  /** The newest one comes last, whatever the order in which they become known. */
  draw(job, place) {
    const turn = new Turn(this, job);
    turn.element.dataset.id = job.id;
    const after = [...place.children].find((child) => child.dataset.id > job.id);
    place.insertBefore(turn.element, after ?? null);
    this.turns.set(job.id, turn);
    this.cuts.filter((cut) => cut.request.record === job.id).forEach((cut) => turn.putCut(cut));
  }

  putCut(job) {
    const before = this.cuts.find((cut) => cut.id === job.id);
    if (before && hasEnded(before)) return;
    this.cuts = [...this.cuts.filter((cut) => cut.id !== job.id), job];
    this.turns.get(job.request.record)?.putCut(job);
    if (before && job.state === "done") this.announce("The clips are cut.");
  }

  /** Talks that are not open, by their first question. */
  drawEarlier() {
    const talks = Map.groupBy([...this.jobs.values()], (job) => this.rootOf(job));
    this.open.forEach((root) => talks.delete(root));
    const drawn = [...byId("earlier").querySelectorAll("details")].map((row) => [row.dataset.talk, row]);
    const old = new Map(drawn); // one that says the same stays, opened or not
    const rows = [...talks.values()].map((jobs) => old.get(this.nameOf(jobs)) ?? this.earlierRow(jobs));
    const heading = make("h2", { className: "small-title", textContent: "Earlier talks about this film" });
    byId("earlier").replaceChildren(...(rows.length ? [heading, ...rows] : []));
  }

  nameOf(jobs) {
    return jobs.map((job) => job.id).join(" ");
  }

  earlierRow(jobs) {
    const [first] = jobs;
    const more = jobs.length > 1 ? `, and ${jobs.length - 1} more` : "";
    const day = new Date(first.asked_at).toLocaleString("en-GB", { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });
    const place = make("div");
    const row = make("details", { className: "earlier" },
      make("summary", {}, make("span", { textContent: first.request.question }),
        make("span", { className: "soft small", textContent: `${day}${more}` })), place);
    row.dataset.talk = this.nameOf(jobs);
    row.addEventListener("toggle", () => {
      if (row.open && !place.firstChild) jobs.forEach((job) => this.draw(job, place));
    });
    return row;
  }

  drop(id) {
    this.turns.get(id)?.element.remove();
    this.turns.delete(id);
    this.jobs.delete(id);
    if (this.open.delete(id)) { // what followed it stays where it is
      const shown = [...this.turns.values()].filter(({ element }) => byId("turns").contains(element));
      shown.forEach((turn) => this.open.add(this.rootOf(turn.job)));
    }
    this.drawAround();
  }

  /** The answer that a new question follows; null: it begins a talk. */
  last() {
    const answered = [...this.jobs.values()].filter((job) => job.state === "done" && this.open.has(this.rootOf(job)));
    return answered.at(-1) ?? null;
  }

  drawAround() {
    this.drawEarlier();
    this.drawFollows();
    this.drawLegend();
    byId("hint").hidden = this.jobs.size > 0;
  }

  drawFollows() {
    byId("follows").hidden = this.last() === null;
    byId("question-label").textContent = this.last() ? "Ask a follow-up" : "Ask about this film";
  }

  drawLegend() {
    byId("legend").hidden = !byId("talk").querySelector(".timeline");
    const hasLanes = byId("talk").querySelector(".lanes") !== null;
    for (const key of byId("legend").querySelectorAll(".key-lane, .key-quoted")) key.parentElement.hidden = !hasLanes;
  }

  startAfresh() {
    for (const [id, { element }] of this.turns) {
      if (!byId("turns").contains(element)) continue;
      element.remove();
      this.turns.delete(id);
    }
    this.open.clear();
    this.drawAround();
    byId("question").focus();
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("ask").requestSubmit();
  }

  async ask() {
    if (!this.check()) return;
    const [question, options] = ["question", "options"].map((id) => byId(id).value);
    const choices = options.split("\n").map((line) => line.trim()).filter(Boolean);
    const body = { kind: "ask", film: this.film, question: question.trim(), options: choices.length ? choices : null,
      after: this.last()?.id ?? null, ...this.wishes() };
    await this.attempt(async () => {
      const job = await post("/api/jobs", body);
      for (const id of ["question", "options"]) byId(id).value = "";
      this.put(job);
      byId("choices").open = false;
      this.turns.get(job.id)?.element.scrollIntoView({ block: "nearest" });
    });
    byId("question").focus();
  }

  /** What fails is said beside the box. */
  async attempt(action) {
    tell(byId("ask-error"), "");
    try {
      await action();
    } catch (error) {
      this.refuse(error.message);
    }
  }

  refuse(text) {
    tell(byId("ask-error"), text);
  }

  /** Sparingly: each new step of the work, and what came of it. */
  tellOf(before, job) {
    const isStep = before?.state !== job.state || before?.what !== job.what;
    if (!before && hasEnded(job)) return; // of another day
    if (job.state === "done" && before?.state !== "done") {
      this.announce(`Answered: ${job.text}`);
      this.onAnswered();
    } else if (isStep) this.announce(hasEnded(job) ? endText(job) : progressText(job).split(",")[0]);
  }
}
