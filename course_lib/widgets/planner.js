import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  picker,
  radios,
  restarter,
  save,
  scrollRegion,
  verdict,
  watch,
} from "./kit/ui/dom.js";
import { grouped, listed, short } from "./kit/ui/text.js";
import { heatTable } from "./kit/ui/heat.js";
import { cheapestStep, firstFault, servingGigabytes } from "./kit/math/plan.js";

/** The same sentence as describe_brief in planner.py. */
export function describeBrief(brief) {
  const step = cheapestStep(brief);
  return (
    `The cheapest step that suffices is ${step.name}: ${short(step.score)} of the wanted ` +
    `${short(brief.target)}, for ${grouped(step.hours)} GPU-hours. To serve, the weights take ` +
    `${short(servingGigabytes(brief), 1)} GB.`
  );
}

function loopLine({ loop }) {
  return `From “${loop[0]}” a project goes back to “${loop[1]}” until it is good enough.`;
}

/** The same sentence as describe_plan in planner.py. */
export function describePlan(data) {
  const briefs = data.briefs.map((one) => `${one.name}: ${cheapestStep(one).name}`).join("; ");
  const names = listed(data.stages.map(({ name }) => name));
  return `Stages: ${names}. ${loopLine(data)} Cheapest steps that suffice: ${briefs}.`;
}

/** Every second stage, then the others: right for no plan in which each needs the one before. */
function shuffled(names) {
  return [...names.filter((_, i) => i % 2), ...names.filter((_, i) => i % 2 === 0)];
}

function render({ model, el }) {
  const again = restarter(model, ["order", "chosen", "right", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion(false);
    const names = data.stages.map(({ name }) => name);
    let order = shuffled(names);
    let back = "";
    const chosen = {};
    const list = h("ol", {});
    const stageSpot = h("div", {});
    const spots = data.briefs.map(() => h("div", {}));
    const end = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const describe = describeButton(() => describePlan(data));

    const fill = (moved) => {
      const rows = order.map((name, i) =>
        picker({
          label: name,
          value: i,
          options: order.map((_, place) => [place, String(place + 1)]),
          change: (to) => {
            order = order.filter((one) => one !== name);
            order.splice(Number(to), 0, name);
            stageSpot.replaceChildren();
            fill(name);
            live.say(`“${name}” is number ${Number(to) + 1}.`);
          },
        }),
      );
      list.replaceChildren(...rows.map((one) => h("li", {}, one.node)));
      if (moved) rows[order.indexOf(moved)].select.focus();
    };
    const tell = (spot, status, text) => {
      spot.replaceChildren(verdict(status, text));
      live.say(text);
    };
    const checkOrder = () => {
      const fault = firstFault(data, order);
      if (fault)
        return tell(
          stageSpot,
          "incorrect",
          `“${fault.stage}” stands before “${fault.needs}”. ${fault.why}`,
        );
      if (!back) return tell(stageSpot, "not_attempted", "The order fits. Where does it go back?");
      const [from, to] = data.loop;
      if (back !== from)
        return tell(
          stageSpot,
          "incorrect",
          `The order fits. But it is not “${back}” that says whether to go back.`,
        );
      save(model, { order: [...order] });
      return tell(stageSpot, "correct", `${loopLine(data)} Back means to “${to}”.`);
    };
    fill();
    const loop = picker({
      label: "A project goes back when it comes from",
      value: "",
      options: [["", "choose…"], ...names.map((name) => [name, name])],
      change: (name) => {
        back = name;
      },
    });
    const table = (brief) =>
      scrollRegion(
        brief.name,
        heatTable({
          corner: "step",
          rows: brief.steps.map(({ name }) => name),
          columns: ["reaches", "GPU-hours", "what comes of it"],
          kind: "",
          cell: (i, j) => {
            const step = brief.steps[i];
            return h("td", {}, [short(step.score), grouped(step.hours), step.says][j]);
          },
        }),
      );
    const reveal = () => {
      let right = 0;
      data.briefs.forEach((brief, i) => {
        const mine = chosen[brief.name];
        const best = cheapestStep(brief).name;
        right += mine === best;
        const step = brief.steps.find(({ name }) => name === mine);
        const line = !mine
          ? ""
          : mine === best
            ? `Right: ${mine}.`
            : step.score < brief.target
              ? `Not enough: ${mine} reaches ${short(step.score)}, not ${short(brief.target)}.`
              : `More than needed: ${mine} costs ${grouped(step.hours)} GPU-hours.`;
        spots[i].replaceChildren(
          line ? verdict(mine === best ? "correct" : "incorrect", line) : "",
          h("p", {}, describeBrief(brief)),
          table(brief),
        );
      });
      const n = Object.keys(chosen).length;
      const text = n ? `You chose the cheapest step that suffices for ${right} of ${n}.` : "";
      end.replaceChildren(
        text ? h("p", { class: "cw-panel" }, text) : "",
        h("p", {}, loopLine(data)),
        h("div", { class: "cw-row" }, describe.button),
        describe.text,
      );
      end.hidden = false;
      live.say(text || describePlan(data));
      save(model, { revealed: true, chosen: { ...chosen }, right });
      end.focus();
    };
    const items = data.briefs.map((brief, i) => {
      const picked = radios({
        legend: `First try, for ${brief.name}`,
        value: null,
        options: brief.steps.map(({ name }) => [name, name]),
        change: (name) => {
          chosen[brief.name] = name;
          if (!end.hidden) reveal();
        },
      });
      return h("li", {}, h("p", {}, brief.text), picked, spots[i]);
    });
    const missing = h("div", {});
    const check = () => {
      const open = data.briefs.findIndex(({ name }) => !chosen[name]);
      missing.replaceChildren();
      if (open < 0) return reveal();
      tell(missing, "not_attempted", `Choose a step for ${data.briefs[open].name} first.`);
      return items[open].querySelector("input").focus();
    };
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      h("p", { class: "cw-h" }, "The stages, in order"),
      list,
      loop.node,
      h("div", { class: "cw-row" }, button("Check the order", checkOrder, "main")),
      stageSpot,
      h("p", { class: "cw-h" }, "The cheapest step that suffices"),
      h("ol", {}, items),
      h(
        "div",
        { class: "cw-row" },
        button("Show what comes of it", check, "main"),
        button("Just show me", reveal, "quiet"),
      ),
      missing,
      end,
      live.node,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
