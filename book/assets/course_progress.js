// Ticks in the sidebar and on the landing page for what this browser has kept as solved.
(() => {
  "use strict";
  const KEY = "transformers-course:progress:1";
  const known = window.courseExercises ?? {};

  function records() {
    try {
      return JSON.parse(window.localStorage.getItem(KEY))?.records ?? {};
    } catch {
      return window.courseProgress?.memory ?? {};
    }
  }

  /** Solved and all exercises of a chapter. */
  function countOf(chapter, kept) {
    const all = known[chapter] ?? [];
    const solved = all.filter(([id, v]) => kept[id]?.v >= v && kept[id].status === "correct");
    return { solved: solved.length, all: all.length };
  }

  function show() {
    const kept = records();
    let [solved, all] = [0, 0];
    for (const chapter of Object.keys(known)) {
      const count = countOf(chapter, kept);
      solved += count.solved;
      all += count.all;
    }
    for (const place of document.querySelectorAll(".course-solved")) {
      const count = countOf(place.dataset.chapter, kept);
      place.textContent = count.solved ? `${count.solved} of ${count.all} solved` : "";
    }
    for (const place of document.querySelectorAll(".course-total")) {
      place.textContent = `${solved} of ${all} exercises of the pages solved in this browser.`;
    }
    for (const link of document.querySelectorAll(".bd-links a[href]")) {
      const chapter = /notebooks\/(\d\d)_|^(\d\d)_/.exec(link.getAttribute("href"));
      const here = link.getAttribute("href") === "#" && /\/(\d\d)_/.exec(location.pathname);
      const number = chapter?.[1] ?? chapter?.[2] ?? here?.[1];
      link.querySelector(".course-tick")?.remove();
      const count = number && countOf(number, kept);
      if (!count || !count.all || count.solved < count.all) continue;
      const tick = document.createElement("span");
      tick.className = "course-tick";
      tick.textContent = " ✓";
      tick.setAttribute("role", "img");
      tick.setAttribute("aria-label", "solved");
      link.append(tick);
    }
  }

  show();
  window.addEventListener("storage", show);
  window.addEventListener("course-progress", show);
})();
