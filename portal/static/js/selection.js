// Ticked rows: ranges with shift, the page, everything that matches; the bulk bar asks for a verb's preview.
const state = document.querySelector("form[data-selection]");
const bar = document.querySelector("[data-bulk]");

if (state && bar) {
  const boxes = [...document.querySelectorAll("[data-tick]")];
  const page = document.querySelector("[data-tick-all]");
  const everything = bar.querySelector("[data-select-all]");
  let last = null;
  let all = false;

  const show = () => {
    const ticked = boxes.filter((box) => box.checked);
    for (const box of boxes) box.closest("tr").classList.toggle("sel", box.checked);
    page.checked = ticked.length === boxes.length;
    page.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
    bar.classList.toggle("d-none", ticked.length === 0);
    everything.setAttribute("aria-pressed", String(all));
    for (const button of bar.querySelectorAll("[data-states]")) button.disabled = false;
    const words = all ? document.querySelector(".count").textContent.trim() : String(ticked.length);
    for (const count of bar.querySelectorAll("[data-count]")) count.textContent = words;
    if (!all) tellWhichFit(ticked);
  };

  // A verb for some states counts the ticked rows in one of them; where there is none it is not offered.
  const tellWhichFit = (ticked) => {
    for (const button of bar.querySelectorAll("[data-states]")) {
      const states = button.dataset.states.split(" ");
      const fitting = ticked.filter((box) => states.includes(box.dataset.state)).length;
      button.disabled = fitting === 0;
      button.querySelector("[data-count]").textContent = String(fitting);
    }
  };

  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-tick]");
    if (!box) return;
    if (event.shiftKey && last) {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
    }
    last = box;
    all = false;
    show();
  });
  page.addEventListener("change", () => {
    for (const box of boxes) box.checked = page.checked;
    all = false;
    show();
  });
  everything.addEventListener("click", () => {
    all = !all;
    show();
  });
  bar.querySelector("[data-clear]").addEventListener("click", () => {
    for (const box of boxes) box.checked = false;
    all = false;
    show();
  });
  for (const button of bar.querySelectorAll("[data-bulk-verb]")) {
    button.addEventListener("click", () => {
      const { filter, tab, q } = state.dataset;
      const ids = boxes.filter((box) => box.checked).map((box) => box.value).join(",");
      const values = all ? { scope: "all", filter, tab, q } : { ids };
      htmx.ajax("POST", `${button.dataset.bulkVerb}?preview=1`, { target: "#dialog", swap: "innerHTML", values });
    });
  }
  show();
}
