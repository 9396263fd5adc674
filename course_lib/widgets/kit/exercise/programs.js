// Keeps the reader's programs in this browser; nothing is sent anywhere.
const PROGRAM_KEY = "transformers-course:program:1:";
const unkept = (window.courseProgramsUnkept ??= {}); // for as long as the page, where it must be

/** The kept program of an exercise as {v, text}, or null. */
export function readProgram(id) {
  let text;
  try {
    text = window.localStorage.getItem(PROGRAM_KEY + id);
  } catch {
    return unkept[id] ?? null;
  }
  try {
    const kept = JSON.parse(text);
    return typeof kept?.text === "string" ? kept : null;
  } catch {
    return null; // not ours; the next change writes over it
  }
}

/** Keeps a program, or forgets it where `text` is null; returns whether the browser kept it. */
export function keepProgram(id, version, text) {
  const kept = text === null ? null : { v: version, text };
  try {
    if (kept) window.localStorage.setItem(PROGRAM_KEY + id, JSON.stringify(kept));
    else window.localStorage.removeItem(PROGRAM_KEY + id);
    return true;
  } catch {
    unkept[id] = kept;
    return false;
  }
}
