// Long jobs: name, n of m, stop, result; polled while any is open, remembered across pages.
import { token } from "./csrf.js";

const KEPT = "portal-jobs";
const POLL_MS = 1000;
const tray = document.getElementById("tray");
const words = JSON.parse(tray.dataset.words);
const ids = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
const keep = (list) => sessionStorage.setItem(KEPT, JSON.stringify(list));

const link = (label, href) => Object.assign(document.createElement("a"), { textContent: label, href });
const button = (label, act) => {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-quiet btn-sm", textContent: label });
  made.addEventListener("click", act);
  return made;
};
const post = (href) => fetch(href, { method: "POST", headers: { "X-CSRFToken": token() } }).then(poll);

const item = (job) => {
  const box = Object.assign(document.createElement("div"), { className: "tray-i" });
  const head = Object.assign(document.createElement("div"), { className: "row-x" });
  head.append(Object.assign(document.createElement("span"), { className: "cut", textContent: job.name }));
  const open = job.state === "waiting" || job.state === "running";
  if (open && job.cancel_href) head.append(button(words.stop, () => post(job.cancel_href)));
  if (!open) head.append(button(words.close, () => { keep(ids().filter((id) => id !== job.id)); poll(); }));
  const foot = Object.assign(document.createElement("div"), { className: "row-x xs mute num wrap" });
  foot.append(open ? `${job.done} / ${job.total}` : job.result_text || job.state);
  if (job.result_href) foot.append(link(words.open, job.result_href));
  if (job.refused_href) foot.append(link(words.refused, job.refused_href));
  if (job.undo_href) foot.append(button(words.undo, () => htmx.ajax("POST", job.undo_href, { target: "#dialog", swap: "none" })));
  const meter = document.createElement("progress");
  meter.max = Math.max(job.total, 1);
  meter.value = job.done;
  meter.setAttribute("aria-label", job.name);
  box.append(head, ...(open ? [meter] : []), foot);
  return box;
};

async function poll() {
  const wanted = ids();
  const answers = await Promise.all(wanted.map((id) => fetch(`/jobs/${id}.json`).then((a) => (a.ok ? a.json() : null)).catch(() => null)));
  const jobs = answers.filter(Boolean);
  tray.classList.toggle("d-none", jobs.length === 0);
  const title = Object.assign(document.createElement("div"), { className: "tray-h", textContent: words.title });
  tray.replaceChildren(title, ...jobs.map(item));
  if (jobs.some((job) => job.state === "waiting" || job.state === "running")) setTimeout(poll, POLL_MS);
}

document.body.addEventListener("portal:job", (event) => {
  keep([...new Set([...ids(), event.detail.id])]);
  poll();
});
if (ids().length) poll();
