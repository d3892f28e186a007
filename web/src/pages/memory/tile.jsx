// tile.jsx - what Memory shows on Home.

import { useKeys } from '../../lib/store.js';
import { loadMemory } from '../../lib/hub.js';
import { Failed, Legend, Loading, Tile } from '../../ui/parts.jsx';
import { OwnersShort } from './owners.jsx';
import { TIERS, TierPlot, TierStats } from './tiers.jsx';

const narrow = () => matchMedia('(max-width: 720px)').matches;

function MemoryTile({ win }) {
  const { memory, memoryError, rows } = useKeys('memory', 'memoryError', 'rows');
  const legend = <Legend items={[['s1', 'free'], ['s2', 'largest block', true], ['rust', 'low water']]} />;
  const tiers = memory ? memory.tiers.filter((t) => t.size_bytes > 0) : [];
  return (
    <Tile title="Memory" href="#/memory" span={8} order={1} end={legend} class="home-mem">
      {!memory && (memoryError ? <Failed error={memoryError} retry={loadMemory} /> : <Loading big lines={9} />)}
      {memory && (
        <div class={'split ' + (tiers.length < 2 ? 'one' : '')}>
          {tiers.map((t, at) => (
            <div>
              <TierStats tier={t} name={TIERS[at].name} />
              <TierPlot at={at} rows={rows} win={win} height={narrow() ? (at ? 150 : 180) : 232} sync="home" xAxis flags largest={at === 0}
                refs={at === 0 ? [{ v: memory.limits.internal_min_bytes, text: `limit ${memory.limits.internal_min_bytes / 1024}`, k: 'bad' }] : []} />
            </div>
          ))}
        </div>
      )}
    </Tile>
  );
}

function OwnersTile() {
  const { memory } = useKeys('memory');
  return (
    <Tile title="Owners" href="#/memory" span={4} order={7} end="internal, KiB of budget">
      {memory ? <OwnersShort memory={memory} /> : <Loading lines={9} />}
    </Tile>
  );
}

export default [
  { order: 10, operator: true, parts: ['mem', 'snap'], Tile: MemoryTile },
  { order: 20, operator: true, parts: ['mem'], Tile: OwnersTile },
];
