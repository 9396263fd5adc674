// How search results are ranked: a chapter that explains a word before the reference that lists it.
var Scorer = {
  score: ([docname, , , , score]) => {
    if (docname.startsWith("notebooks/")) return score + 30;
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
