import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  radios,
  restarter,
  save,
  scrollRegion,
  verdict,
  watch,
} from "./kit/ui/dom.js";
import { fixed, short } from "./kit/ui/text.js";
import { heatTable } from "./kit/ui/heat.js";
import { agreement } from "./kit/math/agree.js";

/** The same sentence as describe_filters in audit.py. */
export function describeFilters(data) {
  const found = agreement(data.kept, data.good);
  return `The filters are right on ${found.same} of ${found.n} pages.`;
}

/** The same sentence as describe_audit in audit.py. */
export function describeAudit(data, mine) {
  const found = agreement(mine, data.kept);
  return (
    `You and the filters agree on ${found.same} of ${found.n} pages; by chance it would be ` +
    `${short(found.byChance, 1)}, so kappa is ${fixed(found.kappa)} (0 is chance, 1 full ` +
    `agreement). You are right on ${agreement(mine, data.good).same}. ${describeFilters(data)}`
  );
}

function render({ model, el }) {
  const again = restarter(model, ["judged", "agreed", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion(false);
    const mine = data.texts.map(() => null);
    const spot = h("div", {});
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const words = (keep) => (keep ? "keep" : "drop");
    const sentence = () =>
      mine.every((one) => one !== null) ? describeAudit(data, mine) : describeFilters(data);
    const describe = describeButton(sentence);
    const reveal = () => {
      const judged = mine.every((one) => one !== null);
      const columns = [...(judged ? ["you"] : []), "the filters", "made as", "why"];
      result.replaceChildren(
        h("p", { class: "cw-panel" }, sentence()),
        scrollRegion(
          "Verdicts",
          heatTable({
            corner: "page",
            rows: data.texts.map((_, i) => String(i + 1)),
            columns,
            kind: "",
            cell: (i, j) =>
              h(
                "td",
                {},
                [
                  ...(judged ? [words(mine[i])] : []),
                  words(data.kept[i]),
                  `${data.good[i] ? "good" : "bad"} (${data.kinds[i]})`,
                  data.why[i] || "–",
                ][j],
              ),
          }),
        ),
        h("div", { class: "cw-row" }, describe.button),
        describe.text,
      );
      result.hidden = false;
      spot.replaceChildren();
      describe.update();
      live.say(sentence());
      save(model, {
        revealed: true,
        judged: judged ? [...mine] : [],
        agreed: judged ? agreement(mine, data.kept).same : 0,
      });
      result.focus();
    };
    const items = data.texts.map((text, i) =>
      h(
        "li",
        {},
        h("p", {}, text),
        radios({
          legend: `Page ${i + 1}`,
          value: null,
          options: [
            ["keep", "keep"],
            ["drop", "drop"],
          ],
          change: (value) => {
            mine[i] = value === "keep";
            if (!result.hidden) reveal();
          },
        }),
      ),
    );
    const check = () => {
      const open = mine.findIndex((one) => one === null);
      if (open < 0) return reveal();
      const left = mine.filter((one) => one === null).length;
      const text =
        `${left} of ${mine.length} pages are not judged yet; ` + `the first is page ${open + 1}.`;
      spot.replaceChildren(verdict("not_attempted", text));
      live.say(text);
      items[open].querySelector("input").focus();
    };
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      h("ol", {}, items),
      h(
        "div",
        { class: "cw-row" },
        button("Compare", check, "main"),
        button("Just show me", reveal, "quiet"),
      ),
      spot,
      result,
      live.node,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
