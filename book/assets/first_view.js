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
  const whole = () => {
    delete root.dataset.view;
    for (const section of sections) section.style.removeProperty("content-visibility");
  };
  const idle = (work) =>
    window.requestIdleCallback ? requestIdleCallback(work, { timeout: 500 }) : setTimeout(work, 50);
  const next = () => {
    if (root.dataset.view !== "first") return;
    if (shown === sections.length) return whole();
    sections[shown++].style.contentVisibility = "visible";
    idle(next);
  };
  const fromLink = (event) => event.target.closest?.('a[href*="#"]') && whole();
  document.addEventListener("click", fromLink, { capture: true });
  window.addEventListener("beforeprint", whole);
  window.addEventListener("load", () => idle(next));
})();
