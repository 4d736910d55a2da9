// Forms: nothing typed is lost by leaving, nothing is sent twice, the first fault has the focus.
// A button that gives a file leaves the page where it is: what was typed is still to be saved, the form still to be sent.
const givesFile = (event) => event.submitter?.hasAttribute("data-file");

for (const form of document.querySelectorAll("form[data-guard]")) {
  let dirty = form.dataset.guard === "dirty";
  form.addEventListener("input", () => { dirty = true; });
  form.addEventListener("submit", (event) => {
    const left = dirty;
    dirty = false;
    if (givesFile(event)) setTimeout(() => { dirty ||= left; }, 1000);
  });
  form.addEventListener("kept", () => { dirty = false; });
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("hx-post") || givesFile(event)) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 5000);
});

// A control that goes with certain values of a choice is there with those alone.
const fit = (form) => {
  for (const part of form.querySelectorAll("[data-only-with]")) {
    part.hidden = !part.dataset.values.split(" ").includes(form.elements[part.dataset.onlyWith]?.value);
  }
};

for (const form of document.querySelectorAll("form:has([data-only-with])")) {
  form.addEventListener("change", () => fit(form));
  fit(form);
}

// What was chosen to be attached, by name; also what was chosen before this ran, or kept by the browser on the way back.
const nameFiles = (box) => {
  const chosen = [...box.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]);
  const names = chosen.map((file) => Object.assign(document.createElement("li"), { textContent: file.name }));
  box.querySelector("[data-file-names]").replaceChildren(...names);
};

document.addEventListener("change", (event) => {
  const box = event.target.closest("[data-files]");
  if (box) nameFiles(box);
});
document.querySelectorAll("[data-files]").forEach(nameFiles);

// A one-tap answer.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.fill);
  field.value = button.dataset.text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

document.querySelector("[data-focus]")?.focus();
