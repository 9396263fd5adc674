// How search results are ranked: a chapter that explains a word before the reference that lists it.
var Scorer = {
  score: ([docname, , , , score]) => {
    // An entry of the glossary has up to 100.
    if (docname.startsWith("notebooks/")) return score + 200;
    if (docname.startsWith("book/api/")) return score - 20;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
