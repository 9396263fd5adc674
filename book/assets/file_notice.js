// A page that was opened as a file may read no other file, so search has no excerpts there.
if (location.protocol === "file:") {
  document.addEventListener("DOMContentLoaded", () => {
    const note = document.createElement("p");
    note.textContent =
      "Opened as a file, search shows titles without excerpts: a browser lets such a page read " +
      "no other. With the site served (python serve.py, or make serve) it shows both.";
    document.querySelector("#search-results").before(note);
  });
}
