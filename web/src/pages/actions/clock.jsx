// clock.jsx - the game clock, to be read from across the room, and what is done with it; the hints beside it.

import { useState } from 'preact/hooks';
import { count, plural } from '../../lib/format.js';
import { go, href } from '../../lib/route.js';
import { Badge, Button, Field, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { clockView, hintCounts, may } from './clock.js';
import { Hold } from './hold.jsx';
import { command, usePoll, useInRoom, useTime } from './live.js';
import { readiness } from './model.js';
import { timeText } from './words.js';

const MINUTE = 60000;
const TEAM_MAX = 63;

// The digits, their word and how far the game is.
export function Face({ children }) {
  const { game } = useInRoom();
  const { now } = useTime(200);
  const v = clockView(game, now);
  const main = v.isTimed ? timeText(v.leftMs, Math.ceil) : timeText(v.elapsedMs);
  const sub = v.isTimed && v.tone === 'idle' && game.state === 'idle' ? '' : v.isTimed ? `${timeText(v.elapsedMs)} played of ${timeText(v.total)}${game.added_ms ? `, ${game.added_ms > 0 ? '+' : '\u2212'}${timeText(Math.abs(game.added_ms))}` : ''}` : 'no time limit';
  return (
    <div class={'face ' + v.tone}>
      <div class="top">
        <b class="word" role="status">{v.word}</b>
        {game.team && <b class="team">{game.team}</b>}
        <span class="played">{sub}</span>
        {children}
      </div>
      <div class={'digits ' + (main.length > 5 ? 'long' : '')} role="timer" aria-label={v.isTimed ? 'Time left' : 'Time played'}>{main}</div>
      <div class="run" aria-hidden="true"><i style={{ width: 100 * v.share + '%' }} /></div>
    </div>
  );
}

// The clock alone, as large as the window: for a screen on the wall.
export function WholeClock() {
  return (
    <div class="whole">
      <Face><a class="btn" href={href('actions')}>Back</a></Face>
    </div>
  );
}

export function Clock() {
  const { game, mayAct, auto, monitors } = useInRoom();
  const [team, setTeam] = useState('');
  const off = !mayAct;
  const ask = (what, body) => command('/api/game/' + what, body);
  const add = (ms) => ask('add', { ms }).then((ok) => ok && toast(`${ms > 0 ? '+' : '\u2212'}${timeText(Math.abs(ms))}`, () => ask('add', { ms: -ms })));
  const idle = may.start(game);
  return (
    <Tile title="Game" class="clock" end={<Button kind="sm ic" icon="whole" aria-label="The clock alone" title="The clock alone" onClick={() => go('actions', { view: 'clock' })} />}>
      <Face />
      {idle && (
        <div class="before">
          <Field id="team" label="Team" limit={`${TEAM_MAX} bytes`}>
            <input id="team" class="in" value={team} maxLength={TEAM_MAX} placeholder={game.team || 'optional'} onInput={(e) => setTeam(e.target.value)} />
          </Field>
          <ul class="ready" aria-label="Before the game">
            {readiness(monitors, auto.instances).map((r) => <li><Badge kind={r.ok ? 'ok' : 'warn'}>{r.text}</Badge></li>)}
          </ul>
        </div>
      )}
      <div class="keys-row">
        {idle && <Button kind="pri big" icon="go" disabled={off} onClick={() => ask('start', team.trim() ? { team: team.trim() } : {})}>Start game</Button>}
        {!game.paused && <Button kind={'big ' + (idle ? '' : 'pri')} icon="freeze" disabled={off} title="All waits stand still" onClick={() => ask('pause')}>{idle ? 'Pause room' : 'Pause'}</Button>}
        {game.paused && <Button kind="pri big" icon="go" disabled={off} onClick={() => ask('resume')}>Resume</Button>}
        {may.add(game) && (
          <span class="row adds" role="group" aria-label="Change the time">
            <Button kind="big" disabled={off} aria-label="One minute less" onClick={() => add(-MINUTE)}>{'\u2212'}1 min</Button>
            <Button kind="big" disabled={off} aria-label="One minute more" onClick={() => add(MINUTE)}>+1 min</Button>
            <Button kind="big" disabled={off} aria-label="Five minutes more" onClick={() => add(5 * MINUTE)}>+5 min</Button>
          </span>
        )}
        <span class="row ends">
          {may.stop(game) && <Hold verb="Stop game" kind="big" disabled={off} onDo={() => ask('stop')} asks="All scenarios stop and outputs are made safe. The time stays as it is." />}
          <Hold verb="Reset room" kind="big" disabled={off} onDo={() => ask('reset')} asks="All scenarios stop, outputs are made safe, and the room goes to its start." />
        </span>
      </div>
    </Tile>
  );
}

export function Hints({ log }) {
  const { game, mayAct, plan } = useInRoom();
  const [text, setText] = useState('');
  const hints = usePoll('/api/game/hints', 0, [plan]).value || [];
  const { per, free } = hintCounts(log, hints);
  const send = (body) => command('/api/game/hint', body).then((ok) => {
    if (ok) toast('Hint sent.');
    return ok;
  });
  const submit = (e) => {
    e.preventDefault();
    send({ text: text.trim() }).then((ok) => ok && setText(''));
  };
  return (
    <Tile title="Hints" class="hints" end={`${plural(game.hints_sent, 'hint')} sent`}>
      <ol>
        {hints.map((hint, i) => (
          <li class={per[i] ? 'was' : ''}>
            <span>{hint.text}</span>
            {per[i] > 0 && <Badge kind="ok">sent {per[i] > 1 ? `${count(per[i])} times` : ''}</Badge>}
            <Button disabled={!mayAct} aria-label={`Send: ${hint.text}`} onClick={() => send({ index: i })}>Send</Button>
          </li>
        ))}
      </ol>
      <form class="row free" onSubmit={submit}>
        <input class="in" aria-label="Hint of your own" placeholder="A hint of your own" value={text} onInput={(e) => setText(e.target.value)} />
        <Button type="submit" kind="pri" disabled={!mayAct || !text.trim()}>Send</Button>
      </form>
      {free > 0 && <p class="sub small">{plural(free, 'hint')} of your own sent</p>}
    </Tile>
  );
}
