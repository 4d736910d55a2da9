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

// A changed field of a verb's form asks for the preview anew, unless it changed because the form is being sent:
// the new preview would take the pressed button away.
let sending = false;
dialog.addEventListener("pointerdown", (event) => { sending = Boolean(event.target.closest("[type=submit]")); });
dialog.addEventListener("keydown", (event) => { sending = event.key === "Enter" && !event.target.matches("textarea, select"); });
dialog.addEventListener("change", (event) => {
  const part = event.target.closest("[data-preview]");
  if (part && !sending) htmx.ajax("POST", part.dataset.preview, { source: dialog.querySelector("form"), target: "#dialog", swap: "innerHTML", values: Object.fromEntries(new FormData(dialog.querySelector("form"))) });
});
