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

export class Grader {
  constructor() {
    this.module = null;
    this.snapshot = null;
    this.prepare = true; // whether workers leave and use a snapshot
    this.python = null;
    this.tickets = 0;
    this.last = Promise.resolve();
    this.stopped = () => {};
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

  async #running(onstage) {
    for (;;) {
      const python = this.python ?? this.#spawn();
      python.onstage = onstage;
      if (python.stage) onstage(python.stage);
      try {
        await python.ready;
        return python;
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
  }

  /**
   * Judges a program. `exercise` has its id and its limits; `tell` gets {stage} while Python
   * starts and {case} while it runs. Gives {word, result, printed}, or null where `stop` came.
   */
  check(exercise, source, tell = () => {}) {
    const turn = this.last.then(() => this.#check(exercise, source, tell));
    this.last = turn.catch(() => {});
    return turn;
  }

  /** Ends what is being judged or started now, because the reader asks for it. */
  stop() {
    this.stopped();
  }

  async #check({ id, limits }, source, tell) {
    let given = null;
    const stop = new Promise((resolve) => {
      this.stopped = () => {
        this.python?.end();
        this.python = null;
        given?.();
        resolve(null);
      };
    });
    try {
      const python = await Promise.race([
        this.#running((stage) => tell({ stage })),
        stop.then(() => null),
      ]);
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
      this.stopped = () => {};
    }
  }

  /** Listens to one check until there is a verdict or a limit is met. */
  #follow(python, limits, tell, resolve) {
    const ticket = ++this.tickets;
    let [place, stops, timer] = ["", null, 0];
    const finish = (verdict, clean) => {
      clearTimeout(timer);
      python.hear = () => {};
      if (!clean && python === this.python) this.replace();
      resolve(verdict);
    };
    const end = (status, kind) =>
      finish({
        word: stops.words[status],
        result: {
          status,
          message: stops[kind].replace("{case}", place),
          misconception: null,
          checks: [],
          counterexample: null,
          output: "",
        },
        printed: "",
      });
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
        finish({
          word: "The checker failed, not you",
          result: {
            status: "checker_fault",
            message:
              `The checker itself failed: ${text}. Your record is unchanged; ` +
              "please report this.",
            misconception: null,
            checks: [],
            counterexample: null,
            output: "",
          },
          printed: "",
        });
      }
    };
  }
}

let shared = null;

/** The one grader of this page. */
export function grader() {
  return (shared ??= new Grader());
}
