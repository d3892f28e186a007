// tile.jsx - recent events on Home: lines of the log and tagged snapshots, newest first.

import { kib, when } from '../../lib/format.js';
import { I_MIN, T, TAG } from '../../lib/columns.js';
import { hubNow, useKeys } from '../../lib/store.js';
import { Badge, Tile } from '../../ui/parts.jsx';

const SHOWN = 10;

function events(log, rows) {
  const lines = log.lines.filter((l) => l.level !== 'D').slice(-SHOWN)
    .map((l) => ({ t: l.unix_ms, key: l.seq, src: l.module, tone: { E: 'e', W: 'w' }[l.level], text: l.text }));
  const tags = rows.filter((r) => r[TAG] != null && r[TAG] !== 'hb').slice(-SHOWN)
    .map((r) => ({ t: r[T], key: r[T] + r[TAG], src: 'memory', tag: r[TAG], text: `low water ${kib(r[I_MIN])} KiB` }));
  return lines.concat(tags).sort((a, b) => b.t - a.t).slice(0, SHOWN);
}

function EventsTile() {
  const { log, rows } = useKeys('log', 'rows');
  const list = events(log, rows);
  return (
    <Tile title="Recent events" href="#/log" span={7} order={8}>
      <ul class="ev">
        {list.map((e) => (
          <li key={e.key} class={e.tone}>
            <time>{when(e.t, hubNow()).slice(-8)}</time><span class="src">{e.src}</span>
            <span class="txt">{e.tag && <><Badge kind="tag">{e.tag}</Badge> </>}{e.text}</span>
          </li>
        ))}
        {!list.length && <li class="sub">No event yet.</li>}
      </ul>
    </Tile>
  );
}

export default [{ order: 80, parts: ['log', 'snap'], Tile: EventsTile }];
