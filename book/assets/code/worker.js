// The Python that judges programs in this page, in a worker of its own: what runs away is ended by
// ending the worker. It loads nothing but this site's files.
import { loadPyodide } from "../vendor/pyodide/pyodide.mjs";

const RUNTIME = new URL("../vendor/pyodide/", import.meta.url).href;
const LIBRARY = new URL(`course_lib.zip${new URL(import.meta.url).search}`, import.meta.url);
const MIB = 2 ** 20;
const PAGE_OF_MEMORY = 65536;
const AHEAD = 96 * MIB; // the runtime asks for up to so much more memory than it needs
// What every judge needs of the standard library. In a snapshot it does not have to be read again.
const PREPARED = `import ast, contextlib, copy, dataclasses, difflib, glob, importlib, inspect, io
import itertools, json, linecache, math, operator, pathlib, pickle, random, re, signal, struct
import subprocess, textwrap, threading, traceback, typing, warnings, zipfile, zlib
`;
const START = `import sys
sys.path.insert(0, "/course")
import numpy
from course_lib.exercises.process.page import check, leave_javascript
leave_javascript()
check
`;
// With these, JavaScript asks the net, reads what this site has stored, speaks to the page or
// starts more of itself.
const DOORS = `fetch fetchLater XMLHttpRequest WebSocket WebSocketStream EventSource WebTransport
RTCPeerConnection FontFace fonts Worker SharedWorker importScripts postMessage BroadcastChannel
indexedDB caches cookieStore webkitRequestFileSystem webkitRequestFileSystemSync
webkitResolveLocalFileSystemURL webkitResolveLocalFileSystemSyncURL Notification`.split(/\s+/);
const post = self.postMessage.bind(self); // this module's own

let check = null;
let ticket = 0;
let most = Infinity; // bytes the memory may grow to while an answer is judged

// The page has compiled the runtime once for all its workers.
function useCompiled(module) {
  const fetched = self.fetch;
  self.fetch = (address, ...more) =>
    String(address).endsWith(".asm.wasm")
      ? Promise.resolve(new Response())
      : fetched(address, ...more);
  WebAssembly.instantiateStreaming = async (_, imports) => ({
    module,
    instance: await WebAssembly.instantiate(module, imports),
  });
}

// Memory is watched where it grows: an answer that allocates without end lets no other code run.
function watchMemory() {
  const grow = WebAssembly.Memory.prototype.grow;
  WebAssembly.Memory.prototype.grow = function (pages) {
    const wanted = this.buffer.byteLength + pages * PAGE_OF_MEMORY;
    memory = this;
    if (wanted > most) {
      post({ ticket, memory: true });
      throw new RangeError("the answer takes too much memory");
    }
    return grow.call(this, pages);
  };
}
let memory = null;

// A program that found its way from Python to this JavaScript finds nothing that leads out, and no
// way to run a text, which could import from elsewhere. What was loaded before needs neither.
function shut() {
  for (const name of DOORS) {
    for (let place = self; place; place = Object.getPrototypeOf(place)) delete place[name];
    if (name in self) throw new Error(`${name} cannot be closed`);
  }
  const { hardwareConcurrency, language, userAgent } = navigator;
  Object.defineProperty(self, "navigator", { value: { hardwareConcurrency, language, userAgent } });
  const kinds = [() => {}, async () => {}, function* () {}, async function* () {}];
  for (const kind of kinds.map(Object.getPrototypeOf)) {
    const { name } = kind.constructor;
    const refuse = function () {
      refused();
    };
    Object.defineProperty(refuse, "name", { value: name });
    refuse.prototype = kind;
    Object.defineProperty(kind, "constructor", { value: refuse });
    if (name in self) self[name] = refuse;
  }
  self.eval = refused;
  for (const name of ["setTimeout", "setInterval"]) {
    const start = self[name];
    self[name] = (work, ...more) => (typeof work === "function" ? start(work, ...more) : refused());
  }
}

function refused() {
  throw new TypeError("JavaScript is not run from a text here");
}

async function begin({ module, snapshot, prepare }) {
  const stage = (number) => post({ stage: number });
  stage(1);
  useCompiled(module);
  watchMemory();
  const options = { indexURL: RUNTIME, stdin: () => null, stdout() {}, stderr() {} };
  if (snapshot) options._loadSnapshot = snapshot;
  else if (prepare) options._makeSnapshot = true;
  const python = await loadPyodide(options);
  if (!snapshot && prepare) {
    python.runPython(PREPARED);
    const made = python.makeMemorySnapshot();
    const bytes = made.buffer.slice(made.byteOffset, made.byteOffset + made.byteLength);
    post({ snapshot: bytes }, [bytes]);
  }
  stage(2);
  const failed = [];
  await python.loadPackage("numpy", {
    messageCallback() {},
    errorCallback: (text) => failed.push(text),
  });
  if (failed.length) throw new Error(failed.join(" "));
  stage(3);
  const library = await fetch(LIBRARY);
  if (!library.ok) throw new Error(`${LIBRARY} did not load (${library.status})`);
  python.unpackArchive(await library.arrayBuffer(), "zip", { extractDir: "/course" });
  stage(4);
  check = python.runPython(START);
  for (const name of ["js", "pyodide_js"]) python.unregisterJsModule(name);
  shut();
  post({ ready: true });
}

function judge({ id, source, memory_mb }) {
  const tell = (text) => {
    const { started, case: place, stops } = JSON.parse(text);
    post({ ticket, started, case: place, stops });
  };
  most = (memory?.buffer.byteLength ?? 0) + memory_mb * MIB + AHEAD;
  try {
    const done = JSON.parse(check(id, source, tell));
    post({ ticket, done });
  } catch (error) {
    // An exception of Python is the checker's own; anything else ended Python itself.
    const fault = error.name === "PythonError";
    const text = error.message.trim().split("\n").at(-1);
    post({ ticket, [fault ? "fault" : "ended"]: text });
  } finally {
    most = Infinity;
  }
}

self.onmessage = async ({ data }) => {
  if (data.begin) {
    try {
      await begin(data.begin);
    } catch (error) {
      post({ failed: String(error?.message ?? error) });
    }
  } else {
    ticket = data.check.ticket;
    judge(data.check);
  }
};
