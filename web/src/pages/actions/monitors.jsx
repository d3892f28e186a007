// monitors.jsx - the templates of devices as they are now: cards, what is held, sequences.

import { Badge, Button, Gauge, Tile } from '../../ui/parts.jsx';
import { Status } from './buttons.jsx';
import { command, useInRoom, useTime } from './live.js';
import { heldMs, leftNow } from './model.js';
import { shortTime } from './words.js';

const TONES = { active: 'run', paused: 'warn', success: 'ok', completed: 'ok', fail: 'bad', failed: 'bad', timeout: 'bad' };
const WORDS = { idle: 'at the start', active: 'active', paused: 'let go', success: 'right', completed: 'done', fail: 'wrong', failed: 'wrong', timeout: 'too late' };

const SHOWN = { uid_validator: Cards, signal_hold: Held, sequence_lock: Sequence, interval_task: Interval };
const RESETS = { signal_hold: 'signal', sequence_lock: 'sequence' };

export function Monitors() {
  const { monitors, mayAct } = useInRoom();
  const shown = monitors.filter((m) => SHOWN[m.template]);
  const plain = monitors.filter((m) => !SHOWN[m.template] && m.status);
  return (shown.length > 0 || plain.length > 0) && (
    <Tile title="Devices" class="mons">
      {shown.map((m) => {
        const Body = SHOWN[m.template];
        const verb = RESETS[m.template];
        return (
          <section key={m.id} aria-label={m.name}>
            <h3>{m.name}<Status status={m.status} /><Badge kind={TONES[m.state] || ''}>{WORDS[m.state] || m.state}</Badge>
              {verb && <Button kind="sm" disabled={!mayAct} aria-label={`Reset ${m.name}`} onClick={() => command(`/api/devices/${verb}/reset`, { device: m.id })}>Reset</Button>}</h3>
            {m.is_cut ? <p class="sub small">It has more than can be shown here.</p> : <Body m={m} />}
          </section>
        );
      })}
      {plain.length > 0 && <ul class="plain">{plain.map((m) => <li>{m.name}<Status status={m.status} /></li>)}</ul>}
    </Tile>
  );
}

function useLeft(m) {
  const { monitorsAt, game } = useInRoom();
  const { now } = useTime(250);
  return leftNow({ left_ms: m.time_left_ms }, monitorsAt, now, game.paused);
}

function Cards({ m }) {
  const left = useLeft(m);
  return (
    <>
      <ul class="slots">
        {m.slots.map((s) => (
          <li class={s.ok ? 'ok' : s.seen ? 'bad' : ''}>
            <span>{s.label || `Reader ${s.index + 1}`}</span><code>{s.last_value || 'no card yet'}</code>
            <Badge kind={s.ok ? 'ok' : s.seen ? 'bad' : ''}>{s.ok ? 'right' : s.seen ? 'wrong' : 'open'}</Badge>
          </li>
        ))}
      </ul>
      {m.active && left != null && <p class="sub small">{shortTime(left)} left of this round</p>}
    </>
  );
}

function Held({ m }) {
  const { monitorsAt, game } = useInRoom();
  const { now } = useTime(250);
  const held = heldMs(m, monitorsAt, now, game.paused);
  const text = `${shortTime(held)} of ${shortTime(m.required_hold_ms)} held`;
  return (
    <>
      <Gauge label={`${m.name}, held`} value={held} max={m.required_hold_ms} colour={m.completed ? 'k2' : 'k1'} text={text} isGoal />
      <p class="sub small">{text}{m.signal_on && ', the signal is on'}</p>
    </>
  );
}

function Sequence({ m }) {
  const left = useLeft(m);
  return (
    <>
      <div class="dots" role="img" aria-label={`${m.completed_steps} of ${m.total_steps} steps done`}>
        {Array.from({ length: m.total_steps }, (_, i) => <i class={i < m.completed_steps ? 'on' : i === m.current_step_index && m.active ? 'next' : ''}>{i + 1}</i>)}
      </div>
      <p class="sub small">
        {m.completed_steps} of {m.total_steps} done{m.state !== 'completed' && <>, next <code>{m.expected_topic}{m.payload_required ? ` ${m.expected_payload}` : ''}</code></>}
        {m.active && m.timeout_ms > 0 && `, ${shortTime(left)} left`}
      </p>
    </>
  );
}

function Interval({ m }) {
  const left = useLeft(m);
  return <p class="sub small">every {shortTime(m.interval_ms)}, next in {shortTime(left)}{m.skipped_count > 0 && `, ${m.skipped_count} left out while it still ran`}</p>;
}
