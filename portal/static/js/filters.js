// "+ Filter": each small form adds one condition to the list's filter in the URL.
const condition = (form) => {
  const { filter: key, kind } = form.dataset;
  const ticked = [...form.querySelectorAll("input[data-value]:checked")].map((box) => box.value);
  if (ticked.length) return kind === "flag" ? [key, "eq", ticked[0]] : [key, "in", ticked];
  const picked = form.querySelector("select[data-value]");
  if (picked?.value) return [key, "eq", picked.value];
  const words = form.querySelector("[data-text]")?.value.trim();
  if (words) return [key, "contains", words];
  const from = form.querySelector("[data-from]")?.value ?? "";
  const to = form.querySelector("[data-to]")?.value ?? "";
  const operator = form.querySelector("[data-operator]")?.value;
  if (operator && operator !== "between") return [key, operator, form.querySelector("[data-days]").value || "7"];
  return from || to ? [key, "between", [from, to]] : null;
};

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-filter][data-kind]");
  if (!form) return;
  const added = condition(form);
  if (!added) {
    event.preventDefault();
    return;
  }
  const kept = JSON.parse(form.dataset.current).filter(([key]) => key !== added[0]);
  form.elements.filter.value = JSON.stringify([...kept, added]);
});
