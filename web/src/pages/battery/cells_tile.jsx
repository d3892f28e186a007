// cells_tile.jsx - the cells with their figures, as bars or as a table.

import { useState } from 'preact/hooks';
import { fixed, signed } from '../../lib/format.js';
import { useTick } from '../../lib/store.js';
import { Button, Tile } from '../../ui/parts.jsx';
import { num, Table } from '../../ui/table.jsx';
import { Cells } from './cells.jsx';
import { Value } from './pack.jsx';
import { balancingText, isOld, volts } from './words.js';

const STEADY_MV_H = 0.05;

export function CellsTile({ battery }) {
  useTick(1000);
  const [table, setTable] = useState(false);
  const { cells } = battery;
  const limits = battery.limits || {};
  const of = { battery, field: 'cells' };
  const trend = cells.trend_mv_per_h;
  const wide = limits.spread_mv != null && cells.delta_mv > limits.spread_mv;
  return (
    <Tile title="Cells" span={8} class="cells-t" end={<><span>mV from the mean</span><Button kind="sm" aria-pressed={table} onClick={() => setTable(!table)}>{table ? 'Bars' : 'Table'}</Button></>}>
      <dl class="stats apart">
        <Value {...of} label="Spread" value={fixed(cells.delta_mv, 1)} unit={limits.spread_mv == null ? 'mV' : `mV of ${fixed(limits.spread_mv)}`} big />
        <Value {...of} label="Trend" value={trend == null ? '' : Math.abs(trend) < STEADY_MV_H ? 'steady' : signed(trend, 1)} unit={Math.abs(trend) < STEADY_MV_H ? '' : 'mV/h'} none="not known yet" />
        <Value {...of} label={cells.min_at ? `Lowest, cell ${cells.min_at}` : 'Lowest'} value={volts(cells.min_mv)} unit="V" />
        <Value {...of} label="Mean" value={volts(cells.avg_mv)} unit="V" />
        <Value {...of} label={cells.max_at ? `Highest, cell ${cells.max_at}` : 'Highest'} value={volts(cells.max_mv)} unit="V" />
        <Value battery={battery} field="balancing" label="Balancing" value={balancingText(cells)} />
      </dl>
      {table ? <CellTable cells={cells} /> : <Cells cells={cells} height={230} figures old={isOld(battery, 'cells')} />}
      <p class="sub small legend-c"><span class="now">balances now</span><span class="open">waits for its turn</span>{wide && <span class="wn">Spread is above the board’s {fixed(limits.spread_mv)} mV.</span>}</p>
    </Tile>
  );
}

function CellTable({ cells }) {
  const rows = (cells.mv || []).map((v, i) => ({ n: i + 1, v, d: v - cells.avg_mv, on: !!(cells.balancing || [])[i], waits: !!(cells.wanted || [])[i] }));
  const columns = [
    { label: 'Cell', cell: (r) => r.n, sort: (r) => r.n },
    num('Voltage, mV', (r) => r.v, (v) => fixed(v, 1)),
    num('From the mean, mV', (r) => r.d, (v) => signed(v, 1)),
    { label: 'Balancing', class: 'pad', cell: (r) => (r.on ? 'now' : r.waits ? 'waits' : 'no'), sort: (r) => +r.on * 2 + +r.waits },
    { label: 'Edge', cell: (r) => (r.n === cells.min_at ? 'lowest' : r.n === cells.max_at ? 'highest' : '') },
  ];
  return <Table label="Cells" columns={columns} rows={rows} rowKey={(r) => r.n} empty="No cell was heard yet." />;
}
