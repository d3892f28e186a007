// wall.jsx - the pack in letters that are read from four metres: dark, without navigation, the screen kept awake
// where the browser can. Esc, or a link that a moved pointer or the Tab key brings, leads back.

import { useEffect, useState } from 'preact/hooks';
import { useFeed } from '../../lib/hub.js';
import { age, clock, fixed, signed } from '../../lib/format.js';
import { go } from '../../lib/route.js';
import { hubNow, isOnline, state, useKeys, useTick } from '../../lib/store.js';
import { Cells } from './cells.jsx';
import { ageOf, flowOf, isLow, isOld, leftOf, statusOf, volts, watt } from './words.js';

const POINTER_MS = 3000;

export function Wall({ battery }) {
  useKeys('link');
  useTick(1000);
  useFeed('battery');
  useDark();
  const awake = useAwake();
  const pointer = usePointer();
  const { pack, cells, alarms } = battery;
  const [power, unit] = watt(pack.power_w);
  const [left, time] = leftOf(pack);
  const [kind, word] = statusOf(pack);
  const unknown = pack.voltage_v == null;
  // The text of a value's age once it is of the past, else ''.
  const since = (field) => (isOnline() && !isOld(battery, field) ? '' : age(ageOf(battery, field)));
  const old = unknown || isOld(battery, 'voltage') || !isOnline();
  const flow = old || since('current') ? '' : flowOf(pack);
  const silent = !isOnline() ? `No hub for ${age(Date.now() - state.link.since)}` : unknown ? 'No value was heard' : `Values ${age(ageOf(battery, 'voltage') || 0)} old`;
  const spoken = old ? silent : alarms && alarms.active ? `${alarms.active} ${alarms.active > 1 ? 'alarms' : 'alarm'}, worst ${alarms.worst}` : '';
  return (
    <div class={`wall ${old ? 'stale' : ''} ${pointer ? 'pointer' : ''}`}>
      <h1 class="off-s" tabIndex={-1}>Battery</h1>
      <section class={`w-soc ${since('soc') ? 'stale' : ''}`} aria-label="Charge">
        <b>{pack.soc_pct == null ? '–' : fixed(pack.soc_pct)}<small>%</small></b>
        <div class={`w-bar ${isLow(pack) ? 'low' : ''}`}><i style={{ width: (pack.soc_pct || 0) + '%' }} /></div>
        <Age of={since('soc')} />
      </section>
      <section class="w-now">
        <p class={`w-st ${old || since('status') ? 'stale' : kind}`}><span class={'w-arrow ' + flow} aria-hidden="true" />{unknown ? 'unknown' : old || since('status') ? 'stale' : word}</p>
        <Big label="Power" value={power} unit={unit} since={since('power')} />
        <Big label={left} value={time} since={since('time_left') || since('current')} />
      </section>
      <dl class="w-row">
        <Big label="Voltage" value={fixed(pack.voltage_v, 1)} unit="V" since={since('voltage')} />
        <Big label="Current" value={pack.current_a == null ? '' : signed(pack.current_a, 1)} unit="A" since={since('current')} />
        <Big label="Lowest cell" value={volts(cells.min_mv)} unit="V" since={since('cells')} />
        <Big label="Spread" value={fixed(cells.delta_mv)} unit="mV" since={since('cells')} />
        <Big label="Temperature" value={fixed(pack.temperature_c)} unit="°C" since={since('temperature')} />
      </dl>
      <div class="w-cells"><Cells cells={cells} height={Math.round(innerHeight * 0.13)} old={old || !!since('cells')} bare /></div>
      <footer class="w-foot">
        <span class={spoken ? 'w-al' : ''} role="status">{spoken || 'No alarm'}</span>
        <time>{clock(hubNow()).slice(0, 5)}</time>
      </footer>
      <p class="w-back"><a class="btn" href="#/battery">Back to the portal</a> <span>{awake ? 'The screen is kept awake.' : 'This browser lets the screen go dark.'}</span></p>
    </div>
  );
}

const Age = ({ of }) => of && <span class="w-age">{of} old</span>;

const Big = ({ label, value, unit, since }) => (
  <div class={`w-v ${since && value ? 'stale' : ''}`}><dt>{label}</dt><dd>{value || '–'}{value && unit && <small>{unit}</small>}</dd>{since && value && <dd class="w-when"><Age of={since} /></dd>}</div>
);

// Dark, whatever the portal's theme is, and nothing else of the portal.
function useDark() {
  useEffect(() => {
    const root = document.documentElement;
    const theme = root.dataset.theme;
    root.dataset.theme = 'dark';
    root.dataset.wall = '';
    const key = (e) => e.key === 'Escape' && go('battery');
    addEventListener('keydown', key);
    return () => {
      removeEventListener('keydown', key);
      delete root.dataset.wall;
      root.dataset.theme = state.theme || theme;
    };
  }, []);
}

// The lock ends when the page is hidden, and is asked for again when it is seen.
function useAwake() {
  const [is, setIs] = useState(false);
  useEffect(() => {
    let lock = null;
    let gone = false;
    const ask = async () => {
      if (document.hidden || !navigator.wakeLock) return;
      try {
        lock = await navigator.wakeLock.request('screen');
        if (gone) return void lock.release();
        setIs(true);
        lock.addEventListener('release', () => gone || setIs(false));
      } catch {
        setIs(false); // refused: the battery of the tablet is low, say
      }
    };
    ask();
    document.addEventListener('visibilitychange', ask);
    return () => {
      gone = true;
      document.removeEventListener('visibilitychange', ask);
      if (lock) lock.release();
    };
  }, []);
  return is;
}

// Whether the pointer has moved lately: it and the way back are seen then.
function usePointer() {
  const [is, setIs] = useState(false);
  useEffect(() => {
    let timer;
    const moved = () => {
      setIs(true);
      clearTimeout(timer);
      timer = setTimeout(() => setIs(false), POINTER_MS);
    };
    addEventListener('pointermove', moved);
    addEventListener('pointerdown', moved);
    return () => {
      clearTimeout(timer);
      removeEventListener('pointermove', moved);
      removeEventListener('pointerdown', moved);
    };
  }, []);
  return is;
}
