// One <dialog>: whatever htmx puts into it opens it; Esc, the cross and "cancel" close it.
import "./csrf.js";
import { connect } from "./lookup.js";

const dialog = document.getElementById("dialog");
// Emptied at once: htmx reports its swap before the browser reports the closing, and would open it again.
const close = () => {
  dialog.close();
  dialog.replaceChildren();
};

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== dialog || !dialog.innerHTML.trim()) return;
  connect(dialog);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("[autofocus], input:not([type=hidden]), select, textarea, .btn-primary")?.focus();
});

dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) close();
});
dialog.addEventListener("close", () => dialog.replaceChildren());
document.body.addEventListener("portal:close", close);

// A changed field of a verb's form asks what would happen now, unless it changed because the form is being sent. Only the
// answer's `data-fresh` parts are taken over: what is typed meanwhile, and where, stays.
let sending = false;
let asked = 0;
dialog.addEventListener("pointerdown", (event) => { sending = Boolean(event.target.closest("[type=submit]")); });
dialog.addEventListener("keydown", (event) => { sending = event.key === "Enter" && !event.target.matches("textarea, select"); });
dialog.addEventListener("change", async (event) => {
  const part = event.target.closest("[data-preview]");
  if (!part || sending) return;
  const turn = ++asked;
  const answer = await fetch(part.dataset.preview, { method: "POST", headers: { "HX-Request": "true" }, body: new FormData(part.closest("form")) });
  if (!answer.ok) return;
  const told = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (turn !== asked || sending || !part.isConnected) return;
  for (const old of dialog.querySelectorAll("[data-fresh]")) {
    const fresh = told.querySelector(`[data-fresh="${old.dataset.fresh}"]`);
    if (fresh) old.replaceWith(fresh);
  }
});
