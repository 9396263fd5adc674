// Keeps the reader's progress in this browser; nothing is sent anywhere.
import {
  STORAGE_KEY,
  changeRecord,
  checkRecords,
  fromText,
  mergeRecords,
  toText,
} from "./records.js";

// Every widget carries its own copy of this module, so what they share stands on the page.
const shared = (window.courseProgress ??= { memory: {}, kept: true, damaged: false });

/**
 * Reads all records; what cannot be read is set aside under another key, and a clean store begins.
 */
export function readAll() {
  let text;
  try {
    text = window.localStorage.getItem(STORAGE_KEY);
  } catch {
    shared.kept = false;
    return shared.memory;
  }
  if (text === null) return shared.kept ? {} : shared.memory;
  try {
    const store = JSON.parse(text);
    if (store?.schema !== 1) throw new Error("it has no schema 1");
    const records = checkRecords(store.records);
    return shared.kept ? records : mergeRecords(records, shared.memory);
  } catch {
    shared.damaged = true;
    try {
      window.localStorage.setItem(`${STORAGE_KEY}:bad`, text);
      window.localStorage.removeItem(STORAGE_KEY);
    } catch {
      shared.kept = false;
    }
    return {};
  }
}

/** Writes all records; where the browser refuses, they live as long as the page. */
export function writeAll(records) {
  shared.memory = records;
  try {
    window.localStorage.setItem(STORAGE_KEY, JSON.stringify({ schema: 1, records }));
    shared.kept = true;
  } catch {
    shared.kept = false;
  }
  window.dispatchEvent(new Event("course-progress"));
}

export function isKept() {
  readAll();
  return shared.kept;
}

/** Whether this page met progress that could not be read, and set it aside. */
export function isDamaged() {
  readAll();
  return shared.damaged;
}

/** Notes one event on one exercise: {status}, {hints} or {revealed}. */
export function noteProgress(id, version, event) {
  const records = readAll();
  writeAll({
    ...records,
    [id]: changeRecord(records[id], version, event, Math.floor(Date.now() / 1000)),
  });
}

export function exportProgress() {
  return toText(readAll());
}

/** Takes in an export text and returns how many records it held. */
export function importProgress(text) {
  const records = fromText(text);
  writeAll(mergeRecords(readAll(), records));
  return Object.keys(records).length;
}

/** Calls the listener when this page or another tab changes the records; returns how to stop. */
export function onProgress(listener) {
  const stored = (event) => {
    if (event.key === STORAGE_KEY || event.key === null) listener();
  };
  window.addEventListener("storage", stored);
  window.addEventListener("course-progress", listener);
  return () => {
    window.removeEventListener("storage", stored);
    window.removeEventListener("course-progress", listener);
  };
}
