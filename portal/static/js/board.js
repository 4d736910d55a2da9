// A board: a card dropped in another column, or sent there by its menu, does the board's verb.
// The server answers with the verb's dialog where it needs more, such as a reason.
const board = document.querySelector("[data-board]");

if (board?.dataset.board) {
  const send = (card, lane) => {
    const values = { ids: card.dataset.card, [board.dataset.argument]: lane };
    htmx.ajax("POST", `${board.dataset.board}?stay=1`, { target: "#dialog", swap: "innerHTML", values });
  };
  let dragged = null;
  board.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-card]");
    dragged?.classList.add("away");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged?.dataset.card ?? "");
  });
  board.addEventListener("dragend", () => {
    dragged?.classList.remove("away");
    for (const lane of board.querySelectorAll(".over")) lane.classList.remove("over");
    dragged = null;
  });
  board.addEventListener("dragover", (event) => {
    const lane = event.target.closest("[data-lane]");
    if (!dragged || !lane) return;
    event.preventDefault();
    for (const other of board.querySelectorAll("[data-lane]")) other.classList.toggle("over", other === lane);
  });
  board.addEventListener("drop", (event) => {
    const lane = event.target.closest("[data-lane]");
    if (!dragged || !lane) return;
    event.preventDefault();
    if (lane !== dragged.closest("[data-lane]")) send(dragged, lane.dataset.lane);
  });
  board.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-move]");
    if (!choice) return;
    choice.closest("details").open = false;
    send(choice.closest("[data-card]"), choice.dataset.move);
  });
}
