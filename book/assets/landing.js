// The piece on the first page: two nouns to press, a head to choose, numbers from the record.
(() => {
  "use strict";
  const place = document.querySelector(".look");
  if (!place) return;
  const readings = JSON.parse(place.querySelector(".look-record").textContent);
  const percent = (share) => `${Math.round(100 * share)} %`;
  const heads = place.querySelectorAll("thead th");
  const looked = place.querySelectorAll("tr.looks td");
  const matters = place.querySelectorAll("tr.moved td");
  const [is, are] = place.querySelectorAll(".look-next .is, .look-next .are");
  const nouns = [
    { at: 2, plural: true, step: 2 },
    { at: 5, plural: false, step: 1 },
  ];

  const choose = document.createElement("select");
  choose.append(new Option("mean of all heads", "mean"));
  readings[0].looks.forEach((layer, i) =>
    layer.forEach((_, j) =>
      choose.append(new Option(`layer ${i + 1}, head ${j + 1}`, `${i} ${j}`)),
    ),
  );
  const label = document.createElement("label");
  label.className = "look-head";
  label.append("Attention: ", choose);
  const said = document.createElement("p");
  said.className = "look-said";
  said.setAttribute("role", "status");

  function looksOf(reading) {
    if (choose.value !== "mean") {
      const [layer, head] = choose.value.split(" ").map(Number);
      return reading.looks[layer][head];
    }
    const all = reading.looks.flat();
    return all[0].map((_, k) => all.reduce((sum, head) => sum + head[k], 0) / all.length);
  }

  function fill(cells, shares) {
    cells.forEach((cell, k) => {
      cell.firstElementChild.style.setProperty("--share", shares[k]);
      cell.lastElementChild.textContent = percent(shares[k]);
    });
  }

  const most = (shares) => shares.indexOf(Math.max(...shares));

  function show() {
    const reading = readings[nouns.reduce((sum, noun) => sum + (noun.plural ? noun.step : 0), 0)];
    const looks = looksOf(reading);
    for (const noun of nouns) noun.button.textContent = reading.words[noun.at];
    fill(looked, looks);
    fill(matters, reading.moved);
    const [p, q] = reading.verbs;
    for (const [node, share] of [
      [is, p / (p + q)],
      [are, q / (p + q)],
    ]) {
      node.style.setProperty("--share", share);
      node.lastElementChild.textContent = percent(share);
    }
    const word = (k) => `“${reading.words[k]}”`;
    said.textContent =
      `${reading.words.slice(1).join(" ")} … ${p > q ? "is" : "are"}. Looked at most: ` +
      `${word(most(looks))}. Matters most: ${word(most(reading.moved))}.`;
  }

  for (const noun of nouns) {
    noun.button = document.createElement("button");
    noun.button.type = "button";
    noun.button.title = "one or many";
    noun.button.addEventListener("click", () => {
      noun.plural = !noun.plural;
      show();
    });
    heads[noun.at + 1].replaceChildren(noun.button);
  }
  choose.addEventListener("change", () => show());
  place.querySelector(".look-ask").append(" Press a noun.");
  place.querySelector(".look-note").before(label, said);
  place.dataset.ready = "true";
  show();
})();
