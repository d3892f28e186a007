// fx.js - the effects' own C code in the browser, once it has come; without it cards show their palette.

let promise = null;

// A promise of the engine, or of null: this browser or this hub has none.
export function loadEngine() {
  promise ||= Promise.resolve(null);
  return promise;
}
