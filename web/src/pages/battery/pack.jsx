// pack.jsx - the pack between charger and load, and its values, each with its source and age.

import { duration, fixed, signed } from '../../lib/format.js';
import { useTick } from '../../lib/store.js';
import { Tile } from '../../ui/parts.jsx';
import { energy, flowOf, freshText, isLow, isOld, leftOf, watt } from './words.js';

export function Pack({ battery }) {
  useTick(1000);
  const { pack } = battery;
  const [power, unit] = watt(pack.power_w);
  const [left, time] = leftOf(pack);
  const of = { battery };
  return (
    <Tile title="Pack" span={8} class="pack-t">
      <Flow battery={battery} />
      <dl class="vals">
        <Value {...of} big field="soc" label="Charge" value={fixed(pack.soc_pct, 1)} unit="%" />
        <Value {...of} big field="voltage" label="Voltage" value={fixed(pack.voltage_v, 2)} unit="V" />
        <Value {...of} big field="current" label="Current" value={pack.current_a == null ? '' : signed(pack.current_a, 1)} unit="A" />
        <Value {...of} big field="power" label="Power" value={power} unit={unit} />
        <Value {...of} field="time_left" label={left} value={time} />
        <Value {...of} field="soh" label="Health" value={fixed(pack.soh_pct, 1)} unit="%" />
        <Value {...of} field="capacity" label="Capacity" value={fixed(pack.capacity_ah, 1)} unit="Ah" />
        <Value {...of} field="cycles" label="Cycles" value={fixed(pack.cycles, 1)} />
        <Value {...of} field="energy" label="Energy in" value={energy(pack.energy_in_kwh)[0]} unit={energy(pack.energy_in_kwh)[1]} />
        <Value {...of} field="energy" label="Energy out" value={energy(pack.energy_out_kwh)[0]} unit={energy(pack.energy_out_kwh)[1]} />
        <Value {...of} field="temperature" label="Temperature" value={fixed(pack.temperature_c, 1)} unit="°C" />
        <Value {...of} field="lifetime" label="Board runs for" value={pack.lifetime_s == null ? '' : duration(pack.lifetime_s * 1000)} />
      </dl>
    </Tile>
  );
}

// A value, below it who measured it and when. Without one it says so.
export function Value({ battery, field, label, value, unit, big, none = 'not known' }) {
  const old = isOld(battery, field);
  return (
    <div class={`stat ${big ? 'big' : ''} ${old && value ? 'stale' : ''}`}>
      <dt>{label}</dt>
      {value ? <dd>{value}{unit && <small>{unit}</small>}</dd> : <dd class="none">{none}</dd>}
      {value ? <dd class="src">{freshText(battery, field)}</dd> : <dd class="src">&nbsp;</dd>}
    </div>
  );
}

// Charger, pack, load: a line moves in the direction in which energy goes.
function Flow({ battery }) {
  const { pack } = battery;
  const flow = isOld(battery, 'current') ? '' : flowOf(pack);
  const old = isOld(battery, 'soc');
  const charge = pack.soc_pct == null ? 'not known' : `${fixed(pack.soc_pct, 1)} %`;
  const [power, unit] = watt(pack.power_w == null ? null : Math.abs(pack.power_w));
  const text = power && `${power.replace('+', '')} ${unit}`;
  const says = { in: `The charger gives the pack ${text}.`, out: `The pack gives the load ${text}.`, '': 'Nothing flows, or it is not known.' }[flow];
  return (
    <div class="flow" role="img" aria-label={`Charge ${charge}. ${says}`}>
      <Node name="Charger" on={flow === 'in'}><path d="M9 3v6M15 3v6M6 9h12v3a6 6 0 0 1-12 0zM12 18v4" /></Node>
      <Wire on={flow === 'in'} text={text} />
      <div class={`can ${old ? 'stale' : ''} ${isLow(pack) ? 'low' : ''}`}>
        {pack.soc_pct != null && <i style={{ width: pack.soc_pct + '%' }} />}
        <b>{charge}</b>
      </div>
      <Wire on={flow === 'out'} text={text} />
      <Node name="Load" on={flow === 'out'}><path d="M9 19h6M10 22h4M12 2a7 7 0 0 0-4 12.7V17h8v-2.300A7 7 0 0 0 12 2z" /></Node>
    </div>
  );
}

const Node = ({ name, on, children }) => (
  <div class={'node ' + (on ? 'on' : '')}><svg class="ico" width="24" height="24" viewBox="0 0 24 24">{children}</svg>{name}</div>
);

const Wire = ({ on, text }) => (
  <div class={'wire ' + (on ? 'on' : '')}>
    <span>{on ? text : ''}</span>
    <svg height="12" width="100%" preserveAspectRatio="none"><path class="rail" d="M0 6.5H2000" />{on && <path class="run" d="M0 6.5H2000" />}</svg>
  </div>
);

export function Temperatures({ battery }) {
  useTick(1000);
  const { pack } = battery;
  const limits = battery.limits || {};
  const version = battery.version || {};
  const of = { battery };
  const none = pack.temp_bms_c == null ? 'not known' : 'no sensor'; // they are read together
  const c = (v) => (v == null ? '' : fixed(v, 1));
  const row = (label, v, unit, decimals = 0) => v != null && <><dt>{label}</dt><dd>{fixed(v, decimals)} {unit}</dd></>;
  return (
    <Tile title="Board" span={4} href="#/battery/board" end={freshText(battery, 'limits') && `limits ${freshText(battery, 'limits')}`}>
      <dl class="stats apart temps">
        <Value {...of} field="temp_ext1" label="Sensor 1" value={c(pack.temp_ext1_c)} unit="°C" none={none} />
        <Value {...of} field="temp_ext2" label="Sensor 2" value={c(pack.temp_ext2_c)} unit="°C" none={none} />
        <Value {...of} field="temp_bms" label="Board" value={c(pack.temp_bms_c)} unit="°C" />
      </dl>
      <dl class="kv">
        {row('Cell full at', limits.full_mv, 'mV')}
        {row('Cell empty at', limits.empty_mv, 'mV')}
        {row('Cell cutoff above', limits.over_mv, 'mV')}
        {row('Cell cutoff below', limits.under_mv, 'mV')}
        {row('Balancing from', limits.balance_mv, 'mV')}
        {row('Spread allowed', limits.spread_mv, 'mV')}
        {row('Charge current', limits.charge_a, 'A')}
        {row('Discharge current', limits.discharge_a, 'A')}
        {row('Peak discharge', limits.peak_discharge_a, 'A')}
        {row('Hot above', limits.hot_c, '°C')}
        {row('No charge below', limits.cold_charge_c, '°C')}
        {version.firmware && <><dt>Firmware</dt><dd>{version.firmware}, hardware {version.hardware}</dd></>}
      </dl>
    </Tile>
  );
}
