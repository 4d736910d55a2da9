// A draft is kept while it is written; what cannot be kept now is kept with the next pause.
const PAUSE_MS = 4000;

for (const form of document.querySelectorAll("form[data-autosave]")) {
  const told = document.querySelector("[data-saved]");
  let timer = 0;
  const keep = async () => {
    if (form.dataset.sent) return;
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Autosave": "1" } }).catch(() => null);
    if (answer?.status === 409) told.textContent = told.dataset.changed;
    if (!answer?.ok) return;
    form.elements._version.value = answer.headers.get("X-Version");
    const at = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    told.textContent = `${at} ${told.dataset.saved}`;
    form.dispatchEvent(new Event("kept"));
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE_MS);
  });
  form.addEventListener("submit", () => clearTimeout(timer));
}

// One more row of a table that is filled in.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-add-row]");
  if (!button) return;
  const last = button.parentElement.querySelector("[data-last-row]");
  const made = last.cloneNode(true);
  last.removeAttribute("data-last-row");
  for (const input of made.querySelectorAll("input")) {
    input.value = "";
    input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, (n) => Number(n) + 1));
  }
  last.after(made);
  made.querySelector("input").focus();
});
