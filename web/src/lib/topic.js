// topic.js - order of topics.

// A text that sorts just before `text`, so that a list "after" it begins there.
export function justBefore(text) {
  const last = text.charCodeAt(text.length - 1);
  return text.slice(0, -1) + (last > 1 ? String.fromCharCode(last - 1) + '~' : '');
}
