// running.jsx - what asks for an operator, what runs now, and how it is stopped, skipped or forced.

import { isAdmin } from '../../lib/access.js';
import { age, plural } from '../../lib/format.js';
import { href } from '../../lib/route.js';
import { Badge, Button, Note, Tile } from '../../ui/parts.jsx';
import { command, useInRoom, useNames, useTime } from './live.js';
import { callTree, shareOf } from './model.js';
import { originWord, shortTime, stepPlace, waitWord } from './words.js';

const step = (verb, r) => command('/api/automation/' + verb, { instance: r.id });

// Steps that wait for an operator: above all else.
export function Prompts() {
  const { auto, mayAct } = useInRoom();
  const { leftOf } = useTime();
  const nameOf = useNames();
  const asks = auto.instances.filter((r) => r.wait === 'operator');
  return asks.length > 0 && (
    <section class="asks c12" aria-label="Waits for you">
      {asks.map((r) => {
        const { name, device } = nameOf(r);
        const left = leftOf(r);
        return (
          <article class="asking" role="alert" key={r.id}>
            <div><small>{device} {'\u00b7'} {name}{left != null && ` \u00b7 ${shortTime(left)} left`}</small><p>{r.text || r.step_name || 'The scenario waits for an operator.'}</p></div>
            <Button kind="pri big" disabled={!mayAct} aria-label={`Go on: ${r.text || name}`} onClick={() => step('force', r)}>Go on</Button>
            <Button kind="big" disabled={!mayAct} aria-label={`Skip: ${r.text || name}`} onClick={() => step('skip', r)}>Skip</Button>
          </article>
        );
      })}
    </section>
  );
}

export function Running() {
  const { auto, mayAct, game } = useInRoom();
  const { leftOf, ageOf } = useTime();
  const nameOf = useNames();
  const n = auto.instances.length;
  return (
    <Tile title="Running now" class="now" end={n ? plural(n, 'run') : ''}>
      {!n && <p class="sub">Nothing runs.</p>}
      <ul>
        {callTree(auto.instances).map(([r, depth]) => {
          const { name, device } = nameOf(r);
          const left = leftOf(r);
          const waits = r.state === 'waiting' && r.wait;
          const words = r.state === 'queued' ? 'queued' : r.state === 'stopping' ? 'stops' : waits ? waitWord(r.wait) : 'runs';
          return (
            <li key={r.id} class={`d${Math.min(depth, 3)}`}>
              <div class="what">
                <b>{isAdmin() ? <a href={href('traces', { device: r.device, scenario: r.scenario, run: r.id })}>{name}</a> : name}</b> <span class="sub">{device}</span>
                <div class="sub small">
                  {words}{waits && r.step && `, step ${stepPlace(r.step)}`}{r.step_name && ` ${r.step_name}`}{left != null && `, ${shortTime(left)} left`}
                  {', '}for {age(ageOf(r.started_unix_ms))}, by {originWord(r.origin)}
                  {r.is_old && <> <Badge title="It began before the last change of the configuration">old configuration</Badge></>}
                  {game.paused && waits && <> <Badge kind="warn">held by the pause</Badge></>}
                </div>
              </div>
              <span class="row">
                {waits && <Button kind="sm" disabled={!mayAct} aria-label={`Skip the wait of ${name}`} title="Goes on as if nothing had come" onClick={() => step('skip', r)}>Skip</Button>}
                {waits && r.wait !== 'delay' && <Button kind="sm" disabled={!mayAct} aria-label={`Force the wait of ${name}`} title="Goes on as if it had come" onClick={() => step('force', r)}>Force</Button>}
                <Button kind="sm" icon="halt" disabled={!mayAct} aria-label={`Stop ${name}`} onClick={() => step('cancel', r)}>Stop</Button>
              </span>
              {waits && left != null && <i class="bar-of" style={{ width: 100 * shareOf(r, left) + '%' }} />}
            </li>
          );
        })}
      </ul>
      <Troubles />
    </Tile>
  );
}

// Scenarios that the flood protection holds, and what a restart cut short.
export function Troubles() {
  const { auto } = useInRoom();
  const { leftOf } = useTime();
  const nameOf = useNames();
  const cut = auto.cut.filter((c) => c.state === 'cut_short');
  return (
    <>
      {auto.suspended.map((s) => <Note kind="warn" role="status"><b>{nameOf(s).name}</b> is suspended: it was started too often. It may start again in {shortTime(leftOf(s))}.</Note>)}
      {cut.length > 0 && <Note kind="stale" role="status">The last restart of the hub cut short: {cut.map((c) => nameOf(c).name).join(', ')}.</Note>}
    </>
  );
}

// After starts that crashed nothing starts by itself.
export function Disabled() {
  const { auto, mayAct } = useInRoom();
  return !auto.enabled && (
    <div class="c12">
      <Note kind="warn" action={isAdmin() && <Button kind="pri" disabled={!mayAct} onClick={() => command('/api/automation/enable', { enabled: true })}>Enable</Button>}>
        Automation is disabled: an admin did it, or the last starts of the hub ended within a minute. No scenario starts.{!isAdmin() && ' An admin may enable it.'}
      </Note>
    </div>
  );
}
