// Progress records: the format and the merge rules of course_lib/exercises/progress/records.py.
// No DOM.
export const STORAGE_KEY = "transformers-course:progress:1";
const PREFIX = "tc1:";
const MAX_CHARACTERS = 64 * 1024;
const STATUSES = ["not_attempted", "incorrect", "correct"];
const FIELDS = ["v", "status", "attempts", "first_ok", "hints", "revealed", "updated"];

export function newRecord(version, now) {
  return {
    v: version,
    status: "not_attempted",
    attempts: 0,
    first_ok: null,
    hints: 0,
    revealed: false,
    updated: now,
  };
}

/** The records if they have the documented form; else an Error that names the id and the field. */
export function checkRecords(records) {
  if (!records || typeof records !== "object" || Array.isArray(records))
    throw new Error("it does not hold progress records");
  const whole = (value, low = 0) => Number.isSafeInteger(value) && value >= low;
  const truth = (value) => typeof value === "boolean";
  for (const [id, record] of Object.entries(records)) {
    if (!/^[0-9]{2}\.[a-z][0-9]?$/.test(id))
      throw new Error(`“${id.slice(0, 20)}” is not an exercise id such as 06.c`);
    if (
      !record ||
      typeof record !== "object" ||
      Object.keys(record).sort().join() !== [...FIELDS].sort().join()
    ) {
      throw new Error(`the record of ${id} must have exactly the fields ${FIELDS.join(", ")}`);
    }
    const good = {
      v: whole(record.v, 1),
      status: STATUSES.includes(record.status),
      attempts: whole(record.attempts),
      first_ok: record.first_ok === null || truth(record.first_ok),
      hints: whole(record.hints),
      revealed: truth(record.revealed),
      updated: whole(record.updated),
    };
    const bad = FIELDS.find((field) => !good[field]);
    if (bad)
      throw new Error(`the record of ${id} has ${bad} = ${String(record[bad]).slice(0, 20)}`);
  }
  return records;
}

function mergeRecord(ours, theirs) {
  if (ours.v !== theirs.v) return { ...(ours.v > theirs.v ? ours : theirs) };
  const [newer, older] = ours.updated >= theirs.updated ? [ours, theirs] : [theirs, ours];
  return {
    v: ours.v,
    status: STATUSES[Math.max(STATUSES.indexOf(ours.status), STATUSES.indexOf(theirs.status))],
    attempts: Math.max(ours.attempts, theirs.attempts),
    first_ok: newer.first_ok ?? older.first_ok,
    hints: Math.max(ours.hints, theirs.hints),
    revealed: ours.revealed || theirs.revealed,
    updated: newer.updated,
  };
}

/** Merges two sets of records; a correct answer is never lost. */
export function mergeRecords(ours, theirs) {
  const merged = { ...ours };
  for (const [id, record] of Object.entries(theirs))
    merged[id] = merged[id] ? mergeRecord(merged[id], record) : { ...record };
  return merged;
}

/**
 * The record after one judged answer, one hint or the solution; `event` is {status}, {hints} or
 * {revealed}.
 */
export function changeRecord(old, version, event, now) {
  const record = old && old.v >= version ? { ...old } : newRecord(version, now);
  if (event.status) {
    if (record.attempts === 0) record.first_ok = event.status === "correct";
    record.attempts += 1;
    if (record.status !== "correct") record.status = event.status;
  }
  if (event.hints) record.hints = Math.max(record.hints, event.hints);
  if (event.revealed && record.status !== "correct") record.revealed = true;
  record.updated = now;
  return record;
}

/** Writes records as the export text. */
export function toText(records) {
  const packed = Object.fromEntries(
    Object.keys(records)
      .sort()
      .map((id) => {
        const r = records[id];
        return [
          id,
          [
            r.v,
            STATUSES.indexOf(r.status),
            r.attempts,
            r.first_ok === null ? null : Number(r.first_ok),
            r.hints,
            Number(r.revealed),
            r.updated,
          ],
        ];
      }),
  );
  return (
    PREFIX +
    btoa(JSON.stringify(packed)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")
  );
}

/** Reads an export text; it is only ever parsed. Throws an Error that says what is wrong. */
export function fromText(given) {
  const text = given.replace(/\s+/g, "");
  if (text.length > MAX_CHARACTERS)
    throw new Error(`it has ${text.length} characters; at most ${MAX_CHARACTERS} are read`);
  if (!text.startsWith(PREFIX)) throw new Error(`it must begin with ${PREFIX}`);
  const body = text.slice(PREFIX.length);
  let packed;
  try {
    if (!/^[\w-]*$/.test(body)) throw new Error("not base64");
    packed = JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    throw new Error("it is damaged or cut short; copy the whole text again");
  }
  if (!packed || typeof packed !== "object" || Array.isArray(packed))
    throw new Error("it does not hold progress records");
  return checkRecords(
    Object.fromEntries(
      Object.entries(packed).map(([id, values]) => {
        if (!Array.isArray(values) || values.length !== FIELDS.length)
          throw new Error(`the record of ${id.slice(0, 20)} has not ${FIELDS.length} values`);
        const record = Object.fromEntries(FIELDS.map((field, i) => [field, values[i]]));
        record.status = STATUSES[record.status];
        if (![null, 0, 1].includes(record.first_ok) || ![0, 1].includes(record.revealed))
          throw new Error(`the record of ${id.slice(0, 20)} is not as documented`);
        record.first_ok = record.first_ok === null ? null : Boolean(record.first_ok);
        record.revealed = Boolean(record.revealed);
        return [id, record];
      }),
    ),
  );
}
