// Has programs judged by Python in a worker, within limits of time and memory, one after another.
//
// A worker that ran away, or that an answer left changed, is ended and another starts while the
// reader reads. The first worker leaves a picture of its memory, from which the others start in a
// fraction of the time; where that does not work they start as the first did.

const HOME = new URL(".", import.meta.url);
const SEARCH = new URL(import.meta.url).search; // the version of these files
const WASM = new URL("../vendor/pyodide/pyodide.asm.wasm", import.meta.url);

async function compiled() {
  const response = await fetch(WASM);
  if (!response.ok) throw new Error(`${WASM} did not load (${response.status})`);
  // A browser keeps what it compiled from a stream, but takes a stream of the right type only.
  return response.headers.get("Content-Type")?.startsWith("application/wasm")
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer());
}

/** Python that could not be started; the message says why. */
export class NotStarted extends Error {}

/** One worker: `ready` is a promise, and `hear` gets what it says about an answer. */
class Python {
  constructor(grader) {
    this.worker = new Worker(new URL(`worker.js${SEARCH}`, HOME), { type: "module" });
    this.fromSnapshot = grader.snapshot !== null;
    this.stage = 0;
    this.hear = () => {};
    this.onstage = () => {};
    this.ready = new Promise((resolve, reject) => {
      this.fail = (text) => reject(new NotStarted(text));
      this.started = resolve;
    });
    this.ready.catch(() => {}); // whoever waits for it hears of it
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.fail(event.message || "the worker did not load");
      this.hear({ ended: event.message });
    };
    this.worker.onmessage = ({ data }) => {
      if (data.snapshot) grader.snapshot = data.snapshot;
      else if (data.stage) this.onstage((this.stage = data.stage));
      else if (data.failed) this.fail(data.failed);
      else if (data.ready) this.started();
      else this.hear(data);
    };
    const { snapshot, prepare } = grader;
    grader.module.then(
      (module) => this.worker.postMessage({ begin: { module, snapshot, prepare } }),
      (error) => this.fail(error.message),
    );
  }

  end(text = "it was ended") {
    this.worker.terminate();
    this.fail(text);
  }
}

/** A verdict on what the checker itself could not judge. */
function verdict(word, status, message) {
  const result = { status, message, misconception: null, checks: [], counterexample: null };
  return { word, result: { ...result, output: "" }, printed: "" };
}

export class Grader {
  constructor() {
    this.module = null;
    this.snapshot = null;
    this.prepare = true; // whether workers leave and use a snapshot
    this.python = null;
    this.tickets = 0;
    this.last = Promise.resolve();
  }

  #spawn() {
    this.module ??= compiled();
    this.python = new Python(this);
    return this.python;
  }

  /** Ends the worker and starts the next one. */
  replace() {
    this.python?.end();
    return this.#spawn();
  }

  async #running(onstage, signal) {
    while (!signal.aborted) {
      const python = this.python ?? this.#spawn();
      python.onstage = onstage;
      if (python.stage) onstage(python.stage);
      try {
        await python.ready;
        if (!signal.aborted) return python;
      } catch (error) {
        if (python !== this.python) continue; // it was replaced while it started
        python.end();
        this.python = null;
        if (!python.fromSnapshot) {
          this.module = null; // so that another try asks again
          throw error;
        }
        console.info(`Python starts without a snapshot: ${error.message}`);
        this.snapshot = null;
        this.prepare = false;
      }
    }
    return null;
  }

  /**
   * Judges a program. `exercise` has its id and its limits; `tell` gets {stage} while Python
   * starts and {case} while it runs. Gives {word, result, printed}, or null as soon as `signal` is
   * aborted; what others wait for goes on.
   */
  check(exercise, source, tell = () => {}, signal = new AbortController().signal) {
    const turn = this.last.then(() => this.#check(exercise, source, tell, signal));
    this.last = turn.catch(() => {});
    const aborted = new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    return Promise.race([turn, aborted]);
  }

  async #check({ id, limits }, source, tell, signal) {
    let given = () => {};
    const stop = () => {
      this.python?.end();
      this.python = null;
      given();
    };
    signal.addEventListener("abort", stop);
    try {
      const python = await this.#running((stage) => tell({ stage }), signal);
      if (python === null) return null;
      const judged = new Promise((resolve) => {
        given = () => resolve(null);
        this.#follow(python, limits, tell, resolve);
      });
      python.worker.postMessage({
        check: { ticket: this.tickets, id, source, memory_mb: limits.memory_mb },
      });
      return await judged;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Listens to one check until there is a verdict or a limit is met. */
  #follow(python, limits, tell, resolve) {
    const ticket = ++this.tickets;
    let [place, stops, timer] = ["", null, 0];
    const finish = (found, clean) => {
      clearTimeout(timer);
      python.hear = () => {};
      if (!clean && python === this.python) this.replace();
      resolve(found);
    };
    const end = (status, kind) =>
      finish(
        verdict(
          stops.words[status],
          status,
          stops[kind].replace("{case}", () => place),
        ),
      );
    python.hear = (data) => {
      if (data.ticket !== undefined && data.ticket !== ticket) return;
      if (data.case !== undefined) {
        place = data.case;
        tell({ case: place });
      }
      if (data.started) {
        stops = data.stops;
        timer = setTimeout(() => end("timeout", "timeout"), limits.seconds * 1000);
      }
      if (data.memory) end("error", "memory");
      else if (data.done) finish(data.done, !data.done.left);
      else if (data.ended !== undefined && stops) end("error", "ended");
      else if (data.ended !== undefined || data.fault !== undefined) {
        const text = data.fault ?? data.ended;
        const message =
          `The checker itself failed: ${text}. ` + "Your record is unchanged; please report this.";
        finish(verdict("The checker failed, not you", "checker_fault", message));
      }
    };
  }
}

let shared = null;

/** The one grader of this page. */
export function grader() {
  return (shared ??= new Grader());
}
