// Reference fields: twenty names a time from the server, never the whole table.
export const connect = (root) => {
  for (const select of root.querySelectorAll("select[data-lookup]:not(.tomselected)")) {
    // The hidden original keeps a name of its own: the label moves to the visible control.
    select.setAttribute("aria-label", select.labels[0]?.textContent.trim() || select.getAttribute("aria-label") || select.name);
    new TomSelect(select, {
      valueField: "value",
      labelField: "text",
      searchField: [],
      preload: "focus",
      maxOptions: 50,
      load: (words, done) => {
        const url = new URL(select.dataset.lookup, location.href);
        url.searchParams.set("q", words);
        fetch(url, { headers: { Accept: "application/json" } })
          .then((answer) => (answer.ok ? answer.json() : []))
          .then(done, () => done());
      },
      score: () => () => 1,
      onLoad: null,
      onType(words) {
        this.clearOptions((option) => this.items.includes(option.value));
        this.load(words);
      },
    });
  }
};

document.addEventListener("htmx:load", (event) => connect(event.detail.elt));
document.addEventListener("DOMContentLoaded", () => connect(document));
if (document.readyState !== "loading") connect(document);
