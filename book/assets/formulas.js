// A formula that is wider than the page scrolls by itself: the keyboard must reach it, only then.
(() => {
  "use strict";
  const reach = () => {
    for (const box of document.querySelectorAll('mjx-container[display="true"]'))
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
  };
  window.addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    reach();
    window.addEventListener("resize", reach);
  });
})();
