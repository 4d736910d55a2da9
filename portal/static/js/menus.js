// Where one is stays in sight, however long the navigation at the side.
document.querySelector(".side-nav .on")?.scrollIntoView({ block: "nearest" });

// Menus (<details>) close at Esc and at a click elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu-x[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu-x[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
