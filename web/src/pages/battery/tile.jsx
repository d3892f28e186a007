// tile.jsx - the pack on Home.

import { fixed, signed } from '../../lib/format.js';
import { kept, useKeys, useTick } from '../../lib/store.js';
import { Badge, Loading, Stat, Tile } from '../../ui/parts.jsx';
import { Cells } from './cells.jsx';
import { balancingText, energy, freshText, isLow, isOld, leftOf, SOURCES, statusOf, volts, watt } from './words.js';

function BatteryTile() {
  const { battery } = useKeys('battery');
  useTick(1000);
  if (!battery && (battery === false || !kept('battery', false))) return null;
  if (!battery) return <Tile title="Battery" href="#/battery" span={4} order={4}><Loading big lines={9} /></Tile>;
  const { pack, cells, alarms } = battery;
  const [kind, word] = statusOf(pack);
  const [power, unit] = watt(pack.power_w);
  const [left, time] = leftOf(pack);
  const old = isOld(battery, 'voltage');
  const tone = (f) => (isOld(battery, f) ? 'stale' : '');
  return (
    <Tile title="Battery" href="#/battery" span={4} order={4} class="home-bat" end={old ? <Badge kind="stale">{freshText(battery, 'voltage')}</Badge> : <Badge kind={kind}>{word}</Badge>}>
      <dl class="stats apart">
        <Stat big label="Charge" value={fixed(pack.soc_pct, 1)} unit="%" width={5} tone={tone('soc')} />
        <Stat label="Pack" value={fixed(pack.voltage_v, 2)} unit="V" tone={tone('voltage')} />
        <Stat label="Current" value={pack.current_a == null ? '' : signed(pack.current_a, 1)} unit="A" tone={tone('current')} />
        <Stat label="Power" value={power} unit={unit} tone={tone('power')} />
        <Stat label={left} value={time} tone={tone('time_left')} />
      </dl>
      <div class={`soc ${isLow(pack) ? 'low' : ''} ${tone('soc')}`} role="meter" aria-label="Charge" aria-valuemin="0" aria-valuemax="100" aria-valuenow={pack.soc_pct ?? 0} aria-valuetext={pack.soc_pct == null ? 'not known' : `${fixed(pack.soc_pct, 1)} %`}><i style={{ width: (pack.soc_pct || 0) + '%' }} /></div>
      <Cells cells={cells} height={160} old={isOld(battery, 'cells')} />
      <dl class="stats apart">
        <Stat label="Mean cell" value={volts(cells.avg_mv)} unit="V" tone={tone('cells')} />
        <Stat label="Spread" value={fixed(cells.delta_mv, 1)} unit="mV" tone={tone('cells')} />
        <Stat label="Balancing" value={balancingText(cells) || 'not known'} tone={tone('balancing')} />
        <Stat label="Temperature" value={fixed(pack.temperature_c, 1)} unit="°C" tone={tone('temperature')} />
        <Stat label="Source" value={SOURCES[battery.source] || battery.source} />
      </dl>
      <div class="duo">
        <dl class="kv"><dt>In</dt><dd>{energy(pack.energy_in_kwh).join(' ')}</dd><dt>Cycles</dt><dd>{fixed(pack.cycles, 1)}</dd></dl>
        <dl class="kv"><dt>Out</dt><dd>{energy(pack.energy_out_kwh).join(' ')}</dd><dt>Alarms</dt><dd class={alarms && alarms.active ? 'wn' : ''}>{alarms && alarms.active ? `${alarms.active}, worst ${alarms.worst}` : 'none'}</dd></dl>
      </div>
    </Tile>
  );
}

export default [{ order: 40, operator: true, parts: ['battery'], Tile: BatteryTile }];
