import { h, button, card, liveRegion, picker, verdict } from "./kit/ui/dom.js";
import { editor } from "./kit/ui/editor.js";
import { isKept, noteProgress, onProgress, readAll } from "./kit/exercise/store.js";
import { keepProgram, readProgram } from "./kit/exercise/programs.js";

const STAGES = ["Loading Python", "Loading NumPy", "Loading the exercises", "Starting the checker"];
const LOOKS = {
  correct: "correct",
  incorrect: "incorrect",
  error: "incorrect",
  timeout: "incorrect",
  not_attempted: "not_attempted",
};
const NOT_COUNTED = ["not_attempted", "invalid", "checker_fault"];

/** A text in which `code` stands between backticks. */
function marked(text) {
  return text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));
}

function block(title, text) {
  return [
    h("p", { class: "cw-h" }, title),
    h("pre", { tabindex: "0", "aria-label": title }, h("code", {}, text)),
  ];
}

/** What the checker found, as a notebook says it. */
function shown({ word, result, printed }) {
  const { status, message, counterexample, output, checks } = result;
  const found = Object.entries(counterexample ?? {}).map(
    ([name, text]) => `${name} = ${text.includes("\n") ? "\n" : ""}${text}`,
  );
  return verdict(
    LOOKS[status] ?? "invalid",
    word,
    message ? h("p", { class: "cw-said" }, marked(message)) : "",
    ...(found.length ? block("Smallest case found", found.join("\n")) : []),
    ...(output ? block("It printed", output) : []),
    ...(printed ? block("The lines outside the function printed", printed) : []),
    checks.length
      ? h(
          "ul",
          { class: "cw-checks" },
          checks.map(([name, held]) =>
            h("li", {}, `${held ? "✓" : "✗"} ${name}: ${held ? "holds" : "fails"}`),
          ),
        )
      : "",
  );
}

function render({ model, el }) {
  const data = model.get("payload");
  const inPage = model.page === true;
  const asFile = !inPage || window.location.protocol === "file:";
  const { node, body } = card({ title: data.title, badge: `Code · ${data.id}` });
  const live = liveRegion();
  const spot = h("div", {});
  const hints = h("div", { hidden: true });
  const explanation = h("div", { class: "cw-panel", hidden: true });
  const history = h("p", { class: "cw-note" });
  const bar = h("progress", { max: STAGES.length + 1, hidden: true, "aria-label": "Loading" });
  const starters = data.starters.map((one) => one.code);
  const kept = readProgram(data.id);
  let [begun, hinted, attempts, before] = [0, 0, 0, null];

  const note = (event) => inPage && noteProgress(data.id, data.version, event);
  const past = () => {
    const record = readAll()[data.id];
    const words = [];
    if (record && record.v !== data.version)
      words.push("This exercise changed since you solved it.");
    else if (record?.status === "correct")
      words.push(`Solved before${record.first_ok ? ", at the first try" : ""}.`);
    else if (record?.attempts)
      words.push(`Tried before: ${record.attempts} ${record.attempts === 1 ? "time" : "times"}.`);
    if (!isKept()) words.push("Neither progress nor programs are kept in this browser.");
    history.textContent = words.join(" ");
    history.hidden = !words.length || attempts > 0;
  };
  const explain = (withProgram) => {
    explanation.replaceChildren(
      h("p", { class: "cw-h" }, withProgram ? "One right program" : "Why"),
      withProgram
        ? h(
            "pre",
            { tabindex: "0", "aria-label": "One right program" },
            h("code", {}, data.solution),
          )
        : "",
      h("div", { html: data.explain }),
    );
    explanation.hidden = false;
  };
  const program = editor({
    label: `Your program: the function ${data.function}`,
    value: kept?.text ?? starters[0],
    change: (text) => {
      keepProgram(data.id, data.version, starters.includes(text) ? null : text);
      for (const box of spot.querySelectorAll(".cw-verdict:not(.stale)")) {
        box.classList.add("stale");
        box.querySelector("strong").prepend("Your earlier program: ");
      }
    },
    run: () => check.hidden || run(),
  });
  const replace = (text) => {
    if (!starters.includes(program.box.value)) before = program.box.value;
    back.hidden = before === null;
    program.put(text);
  };
  const back = button(
    "Bring my program back",
    () => {
      program.put(before);
      before = null;
      back.hidden = true;
      program.box.focus();
    },
    "quiet",
  );
  back.hidden = true;
  const again = button("Start over", () => replace(starters[begun]), "quiet");
  const choose =
    starters.length > 1
      ? picker({
          label: "Begin with",
          options: data.starters.map((one, i) => [i, one.label]),
          value: 0,
          change: (i) => replace(starters[(begun = Number(i))]),
        })
      : null;

  let python = null;
  let stopping = null;
  const run = async () => {
    if (!stop.hidden) return;
    stop.hidden = false;
    check.hidden = true;
    stop.focus({ preventScroll: true });
    stopping = new AbortController();
    const began = performance.now();
    live.say("Loading Python.");
    try {
      const address = `${model.folder}code/grader.js?v=${data.files}`;
      python ??= (await import(address)).grader();
      const tell = (news) => {
        bar.hidden = news.stage === undefined;
        if (news.stage) {
          bar.value = news.stage;
          live.say(`${STAGES[news.stage - 1]}.`);
        } else live.say("Running the checks.");
      };
      const found = await python.check(data, program.box.value, tell, stopping.signal);
      if (found === null) live.say("Stopped. Nothing was judged.");
      else {
        attempts += 1;
        spot.replaceChildren(shown(found));
        const { status, message } = found.result;
        if (!NOT_COUNTED.includes(status))
          note({ status: status === "correct" ? "correct" : "incorrect" });
        if (status === "correct") explain(false);
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        live.whisper(`${found.word}: ${message} Judged in ${seconds} seconds.`);
        past();
      }
      check.textContent = "Check";
    } catch (error) {
      live.say(`Python did not start: ${error.message}. Try again, or check it in a notebook.`);
    } finally {
      bar.hidden = true;
      check.hidden = false;
      if (document.activeElement === stop) check.focus({ preventScroll: true });
      stop.hidden = true;
    }
  };
  const check = button("Run the check here (loads 9 MB)", run, "main");
  const stop = button("Stop", () => stopping.abort());
  stop.hidden = true;
  const hint = button(`Hint (${data.hints.length})`, () => {
    if (hinted === data.hints.length) return;
    hints.append(
      h(
        "div",
        { class: "cw-panel" },
        h("p", { class: "cw-h" }, `Hint ${hinted + 1} of ${data.hints.length}`),
        h("div", { html: data.hints[hinted] }),
      ),
    );
    hinted += 1;
    hints.hidden = false;
    live.whisper(`Hint ${hinted}: ${hints.lastChild.textContent}`);
    const left = data.hints.length - hinted;
    hint.textContent = left ? `Next hint (${left})` : "No more hints";
    note({ hints: hinted });
  });
  const give = button(
    "Show a solution",
    () => {
      explain(true);
      note({ revealed: true });
      live.whisper("A right program is shown below.");
    },
    "quiet",
  );
  if (asFile) check.hidden = true;
  const needs = inPage
    ? "This page was opened as a file, and browsers start Python only for pages that a server " +
      "sends: `make serve` in a clone, `python serve.py` in the packed site. " +
      "Or check the program in a notebook."
    : "In a notebook, define the function in a cell and give it to `check`.";
  body.append(
    h("div", { html: data.prompt }),
    choose ? choose.node : "",
    program.node,
    asFile ? h("p", { class: "cw-note cw-needs" }, marked(needs)) : "",
    h(
      "div",
      { class: "cw-row" },
      [check, stop, data.hints.length ? hint : null, give, again, back],
      [bar, live.node],
    ),
    spot,
    hints,
    explanation,
    history,
  );
  past();
  el.replaceChildren(node);
  return inPage ? onProgress(past) : undefined;
}

export default { render };
