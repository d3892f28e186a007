// buttons.jsx - the scenarios that have a button, by device.

import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { clock } from '../../lib/format.js';
import { hubNow } from '../../lib/store.js';
import { Badge, Button, Empty, Icon, Tile } from '../../ui/parts.jsx';
import { command, useInRoom, useTime } from './live.js';
import { buttonGroups, buttonState, endings } from './model.js';
import { refusalWord, shortTime, waitWord } from './words.js';

const TOLD_MS = 8000; // how long an answer stands on its button

export const Status = ({ status }) => status && (
  <Badge kind={{ online: 'ok', offline: 'bad', unknown: 'stale' }[status]}>{status === 'unknown' ? 'not heard of' : status}</Badge>
);

// What the hub answered and how it ended, by button: [told, tell(key, {text, tone})].
function useTold() {
  const [told, setTold] = useState({});
  const tell = (key, what) => {
    const mine = { ...what, at: Date.now() };
    setTold((t) => ({ ...t, [key]: mine }));
    setTimeout(() => setTold((t) => (t[key] === mine ? { ...t, [key]: null } : t)), TOLD_MS);
  };
  return [told, tell];
}

const ENDED = { done: ['done', 'ok'], failed: ['failed', 'bad'], stopped: ['stopped', 'off'] };

// Tells how runs of buttons ended: when fewer run than before, the counters are asked for again.
function useEndings(groups, actions, reload, tell) {
  const before = useRef(new Map());
  const running = useRef('');
  useEffect(() => {
    for (const { key, result } of endings(before.current, actions)) {
      const [word, tone] = ENDED[result];
      tell(key, { text: `${word} ${clock(hubNow())}`, tone });
    }
    before.current = new Map(actions.map((a) => [`${a.device}/${a.scenario}`, a]));
  }, [actions]);
  const now = groups.flatMap((g) => g.buttons.flatMap((b) => b.runs.map((r) => r.id))).sort().join();
  useEffect(() => {
    if (running.current.split(',').some((id) => id && !now.split(',').includes(id))) reload();
    running.current = now;
  }, [now]);
}

export function Buttons({ reload }) {
  const { auto, actions, monitors } = useInRoom();
  const [told, tell] = useTold();
  const groups = buttonGroups(actions, monitors, auto.instances, auto.suspended);
  useEndings(groups, actions, reload, tell);
  return (
    <Tile title="Actions" class="acts">
      {groups.map((g) => (
        <section aria-label={g.name}>
          <h3>{g.name}<Status status={g.status} /></h3>
          <ul>{g.buttons.map((b) => <Press key={b.key} b={b} told={told[b.key]} tell={tell} />)}</ul>
        </section>
      ))}
      {!groups.length && <Empty>No scenario has a button. In the editor, "button" gives it one.</Empty>}
    </Tile>
  );
}

function Press({ b, told, tell }) {
  const { mayAct } = useInRoom();
  const { leftOf } = useTime();
  const [sending, setSending] = useState(false);
  const state = buttonState(b, waitWord, leftOf, shortTime);
  const press = async () => {
    setSending(true);
    await post('/api/devices/run', { device: b.device, scenario: b.scenario }).then(
      () => tell(b.key, { text: `started ${clock(hubNow())}`, tone: 'ok' }),
      (e) => tell(b.key, { text: refusalWord(e), tone: 'warn' }),
    );
    setSending(false);
  };
  const is = b.runs.length ? 'run' : '';
  const refused = told && told.tone !== 'ok';
  const line = refused || !state ? told || state : state;
  return (
    <li class={`act ${is} ${state && state.tone === 'ask' ? 'ask' : ''}`}>
      <button type="button" class="press" disabled={!mayAct || !b.enabled} aria-busy={sending || undefined} onClick={press}>
        <Icon name="go" size={20} />
        <span class="name">{b.button}</span>
        <span class={'line ' + (line ? line.tone : '')} role="status">{line ? line.text : ''}</span>
      </button>
      {b.runs.length > 0 && <Button kind="ic halt" icon="halt" disabled={!mayAct} aria-label={`Stop ${b.button}`} title="Stop" onClick={() => b.runs.forEach((r) => command('/api/automation/cancel', { instance: r.id }))} />}
      <i class={sending ? 'sent' : ''} style={{ width: state && state.share != null ? 100 * state.share + '%' : undefined }} />
    </li>
  );
}
