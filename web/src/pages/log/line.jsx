// line.jsx - one line of the log, and the words for its levels.

import { when } from '../../lib/format.js';
import { hubNow } from '../../lib/store.js';
import { Badge } from '../../ui/parts.jsx';

// level: kind of the badge, word, name of the filter
export const LEVELS = { E: ['bad', 'error', 'Errors'], W: ['warn', 'warning', 'Warnings'], I: ['', 'info', 'Info'], D: ['', 'debug', 'All'] };

export function Line({ l }) {
  const [kind, word] = LEVELS[l.level] || ['', l.level];
  return (
    <>
      <time>{when(l.unix_ms, hubNow())}</time>
      <span class="lvl"><Badge kind={kind}>{word}</Badge></span>
      <span class="src">{l.module}</span>
      <span class="txt">{l.text}</span>
    </>
  );
}
