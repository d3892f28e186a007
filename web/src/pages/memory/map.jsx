// map.jsx - where it lies: the blocks of a tier by owner, walked on request and never polled.

import { useMemo, useState } from 'preact/hooks';
import { get } from '../../lib/api.js';
import { ownerClass } from '../../lib/colour.js';
import { clock, plural, sizeText, wholeSize } from '../../lib/format.js';
import { cellsPath, runOutline, squares } from './heapmap.js';
import { Button, Empty, Failed, Segments, Tile } from '../../ui/parts.jsx';

export function MapTile({ memory }) {
  const [tier, setTier] = useState('internal');
  const [map, setMap] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const walk = async (which) => {
    setBusy(true);
    try {
      setMap(await get('/api/memory/map?tier=' + which));
      setError(null);
    } catch (e) {
      setError(e);
    }
    setBusy(false);
  };
  const choose = (which) => {
    setTier(which);
    if (map) walk(which);
  };
  const end = (
    <>
      {map && <span>walked {clock(map.unix_ms)}</span>}
      {memory.tiers[1].size_bytes > 0 &&
        <Segments kind="sm" label="Tier" options={[['internal', 'Internal'], ['psram', 'PSRAM']]} value={tier} onChange={choose} />}
      {map && <Button kind="sm" online disabled={busy} onClick={() => walk(tier)}>Walk again</Button>}
    </>
  );
  return (
    <Tile title="Where it lies" end={end} class="map">
      {error && <Failed error={error} retry={() => walk(tier)} />}
      {!map && !error && (
        <Empty action={<Button online disabled={busy} onClick={() => walk(tier)}>Walk the heap</Button>}>
          Not walked yet. A walk visits every block once.
        </Empty>
      )}
      {map && <Map map={map} reserve={map.tier === 'internal' ? memory.reserve_bytes : 0} />}
    </Tile>
  );
}

function Map({ map, reserve }) {
  const { square, cells, largest } = useMemo(() => squares(map), [map]);
  const n = cells.length;
  const columns = n <= 512 ? 40 : n <= 2048 ? 64 : 128;
  const rows = Math.ceil(n / columns);
  const gap = columns > 64 ? 0.12 : 0.14;
  // The reserve is an amount, not a place: its squares are drawn in the last ones that are free.
  const kept = new Set();
  for (let i = n - 1; i >= 0 && kept.size < Math.ceil(reserve / square); i--) if (cells[i] == null) kept.add(i);
  const names = [...new Set(cells)].filter(Boolean);
  const label = `Map of the ${map.tier} heap: ${plural(n, 'square')} of ${wholeSize(square)}, largest free block ${largest ? sizeText(largest.bytes) : '0 B'}`;
  return (
    <>
      <svg viewBox={`-.15 -.15 ${columns + 0.2} ${rows + 0.2}`} role="img" aria-label={label}>
        <defs>
          <pattern id="hatch" width=".4" height=".4" patternUnits="userSpaceOnUse" patternTransform="rotate(35)">
            <rect class="hatch" width=".16" height=".4" />
          </pattern>
        </defs>
        <path class="free" d={cellsPath(n, columns, (i) => cells[i] == null && !kept.has(i), gap)} />
        {kept.size > 0 && <path class="kept" fill="url(#hatch)" d={cellsPath(n, columns, (i) => kept.has(i), gap)} />}
        {names.map((name) => (
          <path key={name} class={ownerClass(name)} d={cellsPath(n, columns, (i) => cells[i] === name, gap)}><title>{name}</title></path>
        ))}
        {largest && largest.end > largest.first && <path class="big" d={runOutline(largest.first, largest.end, columns)} transform={`translate(${-gap / 2} ${-gap / 2})`} />}
      </svg>
      <p class="small sub">
        One square is {wholeSize(square)} in the colour of its owner. Framed: the largest free block{largest ? `, ${sizeText(largest.bytes)}` : ', none'}.
        {reserve > 0 && ` Hatched: the reserve, ${wholeSize(reserve)} of what is free.`}
      </p>
    </>
  );
}
