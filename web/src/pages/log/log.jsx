// log.jsx - the console: level, text, newest first.

import { count, plural } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { setParam } from '../../lib/route.js';
import { useKeys } from '../../lib/store.js';
import { Head, Segments } from '../../ui/parts.jsx';
import { LiveList } from '../../ui/live.jsx';
import { Line, LEVELS } from './line.jsx';

export default function Log({ params }) {
  const { log } = useKeys('log');
  useFeed('log');
  const level = params.level || 'D';
  const text = (params.text || '').toLowerCase();
  const depth = 'EWID'.indexOf(level);
  const lines = log.lines.filter((l) => 'EWID'.indexOf(l.level) <= depth &&
    (!text || l.text.toLowerCase().includes(text) || l.module.includes(text)));
  const facts = [`${count(lines.length)} of ${plural(log.lines.length, 'line')}`, log.missed > 0 && `${count(log.missed)} missed`];
  return (
    <>
      <Head title="Log" facts={facts}>
        <Segments label="Least level" value={level} onChange={(id) => setParam('level', id === 'D' ? null : id)}
          options={Object.entries(LEVELS).map(([id, [, , name]]) => [id, name])} />
        <input class="in find-in" type="search" aria-label="Text in the line or module" placeholder="Text or module"
          value={params.text || ''} onInput={(e) => setParam('text', e.target.value || null)} />
      </Head>
      <article class="tile log">
        <LiveList items={lines} label="Log lines" row={(l) => <Line l={l} />}
          empty={log.lines.length ? 'No line has this level and text.' : 'No line yet.'} />
      </article>
    </>
  );
}
