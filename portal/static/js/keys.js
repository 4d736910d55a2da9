// Keyboard: "/" searches, Ctrl-S or Ctrl-Enter saves, "n" creates.
const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  const form = document.querySelector("dialog[open] form") ?? document.activeElement?.closest("form[data-save]") ?? document.querySelector("form[data-save]");
  if ((event.ctrlKey || event.metaKey) && (event.key === "s" || event.key === "Enter") && form) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "/" && !typing(event.target)) {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});
