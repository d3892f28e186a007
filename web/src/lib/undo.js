// undo.js - the editor's past and future. Pure: each call gives the next history.

export const UNDO_MAX = 100;
const JOIN_MS = 1500; // keys pressed in one field within this are one step

export const begin = (doc) => ({ past: [], now: { doc, text: '' }, future: [] });

// `text` says what was done; `join` names a field whose further edits belong to this step; `at` is where.
export function push(h, doc, { text, join, at, ms = 0 }) {
  if (doc === h.now.doc) return h;
  const now = { doc, text, join, at, ms };
  if (join && join === h.now.join && ms - h.now.ms < JOIN_MS) return { ...h, now, future: [] };
  return { past: [...h.past, h.now].slice(-UNDO_MAX), now, future: [] };
}

export function undo(h) {
  if (!h.past.length) return h;
  return { past: h.past.slice(0, -1), now: h.past[h.past.length - 1], future: [h.now, ...h.future] };
}

export function redo(h) {
  if (!h.future.length) return h;
  return { past: [...h.past, h.now], now: h.future[0], future: h.future.slice(1) };
}

// The present document in other words (as the hub writes it): no step of its own.
export const restate = (h, doc) => ({ ...h, now: { ...h.now, doc, join: null } });
