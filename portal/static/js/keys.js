// Keyboard: "/" searches, Ctrl-S or Ctrl-Enter saves: by the button that the form names, where it has several.
const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  const form = document.querySelector("dialog[open] form") ?? document.activeElement?.closest("form[data-save]") ?? document.querySelector("form[data-save]");
  if ((event.ctrlKey || event.metaKey) && (event.key === "s" || event.key === "Enter") && form) {
    event.preventDefault();
    form.requestSubmit(document.getElementById(form.dataset.save));
  } else if (event.key === "/" && !typing(event.target)) {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});
