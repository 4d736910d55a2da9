// What was done, with Undo; the server sends it as the event `portal:toast`. It outlives the refresh that follows.
import "./csrf.js";


const KEPT = "portal-toast";
const SHOWN_MS = 8000;
const words = JSON.parse(document.getElementById("tray").dataset.words);

export const toast = ({ text, undo_href: undo, tone, href, label }) => {
  const box = document.createElement("div");
  box.className = "toast-x";
  const line = document.createElement("span");
  line.textContent = text;
  box.append(line);
  if (href) box.append(Object.assign(document.createElement("a"), { href, textContent: label }));
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words.undo;
    button.addEventListener("click", () => {
      box.remove();
      htmx.ajax("POST", undo, { target: "#dialog", swap: "none" });
    });
    box.append(button);
  }
  document.getElementById("toasts").append(box);
  fade(box, tone === "warn" || undo || href);
};
const fade = (box, slowly) => setTimeout(() => box.remove(), slowly ? SHOWN_MS * 2 : SHOWN_MS);
for (const box of document.querySelectorAll("#toasts .toast-x")) fade(box, true);

let leaving = false;

document.body.addEventListener("portal:toast", (event) => {
  // htmx adds the element to the detail; only the words are kept.
  const { text, undo_href, tone, href, label } = event.detail;
  sessionStorage.setItem(KEPT, JSON.stringify({ text, undo_href, tone, href, label }));
  setTimeout(() => {
    if (!leaving && sessionStorage.getItem(KEPT)) {
      sessionStorage.removeItem(KEPT);
      toast(event.detail);
    }
  }, 50);
});
document.body.addEventListener("portal:refresh", () => {
  leaving = true;
  location.reload();
});

document.body.addEventListener("portal:go", (event) => {
  leaving = true;
  location.assign(event.detail.href);
});

const kept = sessionStorage.getItem(KEPT);
if (kept) {
  sessionStorage.removeItem(KEPT);
  toast(JSON.parse(kept));
}
