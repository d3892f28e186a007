// home.jsx - the tiles that the pages bring, in one grid.

import found from 'nuthatch:tiles';
import { isAdmin } from '../../lib/access.js';
import { count, duration } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { useKeys } from '../../lib/store.js';
import { Head, Segments } from '../../ui/parts.jsx';
import { useWindow } from '../../ui/window.js';

const all = found.flat().sort((a, b) => a.order - b.order);

export default function Home() {
  const { info, memory, rows } = useKeys('info', 'memory', 'rows', 'session');
  const tiles = all.filter((t) => t.operator || isAdmin());
  useFeed(...new Set(tiles.flatMap((t) => t.parts || [])));
  const win = useWindow(['5m', '30m', '6h', '24h'], rows);
  const facts = [
    info && `up ${duration(info.uptime_ms + Date.now() - info.at)}`,
    info && `version ${info.version}`,
    info && `configuration ${info.config.generation}`,
    memory && `${count(memory.failed_count)} failed allocations`,
  ];
  return (
    <>
      <Head title="Home" facts={facts}>
        <Segments label="Span of the plots" options={win.options} value={win.span} onChange={win.choose} />
      </Head>
      <div class="grid">{tiles.map((t) => <t.Tile key={t.order} win={win} />)}</div>
    </>
  );
}
