// A list whose order is dragged: dropping presses "move:from:to" of its form, which the page's own buttons do too.
let dragged = null;
const lineOf = (event) => event.target.closest?.("[data-order] > [data-place]");
const apart = (line) => !line || line.parentElement !== dragged?.parentElement;

document.addEventListener("dragstart", (event) => {
  dragged = lineOf(event) ?? null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  dragged.classList.add("moving");
});
document.addEventListener("dragover", (event) => {
  const line = lineOf(event);
  if (!dragged || apart(line)) return;
  event.preventDefault();
  for (const each of dragged.parentElement.children) each.classList.toggle("drop", each === line && each !== dragged);
});
document.addEventListener("dragend", () => {
  for (const each of dragged?.parentElement?.children ?? []) each.classList.remove("drop", "moving");
  dragged = null;
});
document.addEventListener("drop", (event) => {
  const line = lineOf(event);
  if (!dragged || apart(line)) return;
  event.preventDefault();
  if (line === dragged) return;
  const form = line.closest("form");
  // A page that swaps only the list has a button for it.
  const press = form.querySelector("[data-drop]") ?? form.appendChild(Object.assign(document.createElement("button"), { name: "do", hidden: true }));
  press.value = `move:${dragged.dataset.place}:${line.dataset.place}`;
  press.click();
});
