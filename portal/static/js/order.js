// A list whose order is dragged: dropping presses "move:from:to" of its form, which the page's own buttons do too.
for (const list of document.querySelectorAll("[data-order]")) {
  let dragged = null;
  const place = (line) => line.dataset.place;
  const over = (event) => event.target.closest("[data-place]");

  list.addEventListener("dragstart", (event) => {
    dragged = over(event);
    event.dataTransfer.effectAllowed = "move";
    dragged?.classList.add("moving");
  });
  list.addEventListener("dragover", (event) => {
    const line = over(event);
    if (!dragged || !line) return;
    event.preventDefault();
    for (const each of list.children) each.classList.toggle("drop", each === line && each !== dragged);
  });
  list.addEventListener("dragend", () => {
    for (const each of list.children) each.classList.remove("drop", "moving");
    dragged = null;
  });
  list.addEventListener("drop", (event) => {
    event.preventDefault();
    const line = over(event);
    if (!dragged || !line || line === dragged) return;
    const form = list.closest("form");
    const press = Object.assign(document.createElement("button"), { name: "do", value: `move:${place(dragged)}:${place(line)}`, hidden: true });
    form.append(press);
    form.requestSubmit(press);
  });
}
