// A formula that is wider than the page scrolls by itself: the keyboard must reach it, only then.
(() => {
  "use strict";
  const reach = (box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  // The page gets narrower, a typeface comes, a fold opens: each changes the size of one of these.
  const watch = new ResizeObserver((seen) =>
    seen.forEach(({ target }) => reach(target.closest("div.math"))),
  );
  for (const part of document.querySelectorAll("div.math, div.math > math")) watch.observe(part);
})();
