// The switch of a chapter that shows all code, or folds away imports, loaders, checks and the
// comments on what is compared. What the reader chose last holds for every page.
(() => {
  "use strict";
  const root = document.documentElement;
  if (!root.dataset.code) return; // a page without cells
  const folded = [...document.querySelectorAll(".machinery")];
  const place = document.querySelector(".article-header-buttons");
  if (!folded.length || !place) return;

  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm code-switch";
  button.append(Object.assign(document.createElement("span"), { textContent: "Show all code" }));
  button.setAttribute("aria-label", "Show all code"); // a phone shows two braces
  button.title = "Imports, checks and what loads exercises";
  const show = () => {
    button.setAttribute("aria-pressed", String(root.dataset.code === "all"));
    for (const check of checks) check.close();
  };

  // A fold of checks says how many they are, and opens by itself.
  const checks = folded
    .filter((part) => part.dataset.checks)
    .map((part) => {
      const n = Number(part.dataset.checks);
      const said = `${n} check${n === 1 ? "" : "s"}`;
      const opener = document.createElement("button");
      opener.type = "button";
      opener.className = "machinery-opener";
      opener.dataset.text = `✓ ${said}`; // drawn by the style sheet: no part of a copied cell
      opener.setAttribute("aria-label", `Show ${said}`);
      const set = (open) => {
        part.classList.toggle("open", open);
        opener.setAttribute("aria-expanded", String(open));
      };
      opener.addEventListener("click", () => set(!part.classList.contains("open")));
      set(false);
      part.before(opener);
      return { close: () => set(false) };
    });

  button.addEventListener("click", () => {
    const seen = document.elementFromPoint(root.clientWidth / 2, root.clientHeight / 3);
    const before = seen?.getBoundingClientRect().top;
    root.dataset.code = root.dataset.code === "all" ? "less" : "all";
    try {
      localStorage.setItem("course:code", root.dataset.code);
    } catch {
      // The choice then holds for this page alone.
    }
    show();
    // What the reader looks at stays where it is.
    if (seen?.checkVisibility()) scrollBy(0, seen.getBoundingClientRect().top - before);
  });
  place.prepend(button);
  show();
})();
