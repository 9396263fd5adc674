// The first screens of a page before the rest of it: what lies below them is laid out once the
// widgets live, one section after the other, whenever the reader's processor has nothing to do.
//
// The head marks a page that is opened anew at its top (data-view="first"), and the style sheet
// leaves out what is not in sight. A page that is opened at a place, or once more, is not marked:
// there the browser has to know at once how far down that place is.
(() => {
  "use strict";
  const root = document.documentElement;
  if (root.dataset.view !== "first") return;
  const sections = [...document.querySelectorAll("article.bd-article > section > section")];
  let shown = 0;
  /** What a reader who has scrolled looks at stays where it is: not every browser sees to that. */
  const staying = (work) => {
    const seen = scrollY > 0 && inSight();
    if (!seen) return work();
    const before = seen.getBoundingClientRect().top;
    root.style.overflowAnchor = "none"; // it moves once, not a second time by the browser
    work();
    scrollBy({ top: seen.getBoundingClientRect().top - before, behavior: "instant" });
    root.style.removeProperty("overflow-anchor");
  };
  /** Something in a section: what is around the sections does not move with them. */
  const inSight = () => {
    for (const share of [0.3, 0.4, 0.5, 0.6, 0.7, 0.2, 0.1]) {
      const seen = document.elementFromPoint(root.clientWidth / 2, root.clientHeight * share);
      if (sections.some((section) => section !== seen && section.contains(seen))) return seen;
    }
    return null;
  };
  const show = () => {
    delete root.dataset.view;
    for (const section of sections) section.style.removeProperty("content-visibility");
  };
  const whole = () => root.dataset.view === "first" && staying(show);
  const idle = (work) =>
    window.requestIdleCallback ? requestIdleCallback(work, { timeout: 500 }) : setTimeout(work, 50);
  const next = () => {
    if (root.dataset.view !== "first") return;
    if (shown === sections.length) return whole();
    staying(() => {
      sections[shown++].style.contentVisibility = "visible";
    });
    idle(next);
  };
  const fromLink = (event) => event.target.closest?.('a[href*="#"]') && whole();
  document.addEventListener("click", fromLink, { capture: true });
  window.addEventListener("beforeprint", show);
  window.addEventListener("load", () => idle(next));
})();
