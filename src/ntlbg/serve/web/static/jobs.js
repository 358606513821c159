// Jobs: how one that is not done is shown, and the stream that tells of all of them.
import { bar, button, duration, make, post, remove, request } from "./dom.js";

const ENDED = ["done", "failed", "cancelled", "interrupted"];
// Between two tries to reach a server that is away, in milliseconds. Set by hand.
const PAUSE = 1500;

export const hasEnded = (job) => ENDED.includes(job.state);

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What is being done, how far it is, and how long it will take. */
export function progressText(job) {
  if (job.state === "queued") {
    const before = job.place - 1;
    return before ? `Waiting; ${before} before it in the queue` : "Waiting; it is the next one";
  }
  const parts = [capital(job.what ?? "starting")];
  if (job.share !== null) parts.push(`${Math.floor(100 * job.share)} %`);
  if (job.left_seconds !== null) parts.push(`about ${duration(job.left_seconds)} left`);
  return parts.join(", ");
}

/** Why a job that has ended is not done. */
export function endText(job) {
  const texts = {
    cancelled: "Cancelled.",
    interrupted: "The server stopped before this was done.",
    failed: capital(job.error ?? "It failed."),
  };
  return texts[job.state];
}

/** Progress of a job that waits or runs, with a button that cancels it. */
export class Progress {
  constructor(onError) {
    this.onError = onError;
    this.text = make("span");
    this.cancel = button("Cancel", () => this.stop());
    this.element = make("div", { className: "progress" },
      make("p", {}, this.text, this.cancel));
  }

  put(job) {
    this.job = job;
    this.text.textContent = progressText(job);
    this.cancel.setAttribute("aria-label", `Cancel: ${job.request.question ?? job.kind}`);
    const drawn = bar(job.state === "queued" ? 0 : job.share, this.text.textContent);
    this.element.querySelector("progress")?.remove();
    this.element.append(drawn);
  }

  async stop() {
    try {
      await remove(`/api/jobs/${this.job.id}`);
    } catch (error) {
      this.onError(error.message);
    }
  }
}

/** Ask for the same once more; the old record makes way. */
export async function askAgain(job) {
  const again = await post("/api/jobs", job.request);
  await remove(`/api/history/${job.id}`).catch(() => {}); // it may be gone already, in another tab
  return again;
}

/** What is known of a film's jobs, oldest first. */
export async function history(film) {
  return (await request(`/api/history?film=${encodeURIComponent(film)}`)).records;
}

/** Calls `onJob` with every state of every job; tells when the server goes away and comes back. */
export class Stream {
  constructor({ onJob, onOpen, onAway }) {
    Object.assign(this, { onJob, onOpen, onAway });
    this.connect();
  }

  connect() {
    this.source = new EventSource("/api/events");
    this.source.addEventListener("open", () => this.onOpen());
    this.source.addEventListener("job", (event) => this.onJob(JSON.parse(event.data)));
    this.source.addEventListener("error", () => this.retry());
  }

  retry() {
    this.source.close();
    this.onAway();
    setTimeout(() => this.connect(), PAUSE);
  }
}
