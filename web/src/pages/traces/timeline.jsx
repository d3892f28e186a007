// timeline.jsx - one run as a list of steps with their bars on one scale.

import { clock } from '../../lib/format.js';
import { href } from '../../lib/route.js';
import { Badge } from '../../ui/parts.jsx';
import { shortTime, waitWord } from '../actions/words.js';
import { editorParams, stepAt } from './runs.js';

const TYPES = {
  mqtt_publish: 'publish', audio_play: 'play', audio_stop: 'stop audio', audio_pause: 'pause audio', audio_resume: 'resume audio', audio_seek: 'seek', audio_volume: 'volume',
  set_flag: 'set flag', wait_flags: 'wait flags', wait_event: 'wait message', wait_operator: 'wait operator', stop_scenario: 'stop scenario', laser_trigger: 'laser trigger',
};
export const stepWord = (type) => TYPES[type] || type;

const MARKS = { begin: 'begins', end: 'ends', on_stop: 'on stop', resumed: 'goes on after a restart', ignored: 'did not start' };
const RESULT = { done: 'ok', failed: 'bad', cancelled: '', ignored: 'stale', running: 'run', cut: 'warn' };
const RESULT_WORDS = { done: 'done', cut: 'cut short' };
export const Result = ({ of }) => <Badge kind={RESULT[of]}>{RESULT_WORDS[of] || of}</Badge>;

// `rows` as rowsOf() gives them; `from`, `to`: the scale in ms; `zero`: what the times count from.
export function Timeline({ rows, from, to, config, device, scenario, names, isDry }) {
  const span = Math.max(1, to - from);
  const at = (t) => (100 * (t - from)) / span;
  const bar = (a, b) => ({ left: `min(${at(a)}%, 100% - 3px)`, width: Math.max(0, at(b ?? to) - at(a)) + '%' });
  return (
    <ol class="tl" aria-label={isDry ? 'What would happen' : 'Steps of the run'}>
      {rows.map((r) => {
        const d = r.device || device;
        const s = r.scenario || scenario;
        const step = r.kind === 'step' ? stepAt(config, d, s, r.path) : null;
        const other = r.device && (r.device !== device || r.scenario !== scenario) ? names.get(`${d}/${s}`) : null;
        const ms = (r.to ?? to) - r.at;
        return (
          <>
            {r.list && <li class={`list d${Math.min(r.depth, 4)}`}><span /><span>{r.list}</span></li>}
            <li class={`${r.kind} ${r.result === 'waiting' ? 'on' : ''}`}>
              <time title={isDry ? undefined : clock(r.at)}>{((r.at - from) / 1000).toFixed(1)}</time>
              <div class={`d${Math.min(r.depth, 4)}`}>
                {other && <Badge>{other.name}</Badge>}
                {r.kind === 'mark' ? <><b>{MARKS[r.what] || r.what}</b>{r.what === 'end' && <Result of={r.result} />}</>
                  : <a class="step" href={href('devices', editorParams(config, d, s, r.path))} title="To this step in the editor"><b>{r.number} {stepWord(r.step || (step && step.type) || '')}</b></a>}
                {step && step.name && <span>{step.name}</span>}
                {r.text && r.what !== 'begin' && <span class="txt">{r.text}</span>}
                {r.what === 'begin' && r.text && <span class="txt">{r.text}</span>}
                {r.waits.length > 0 && <span class="sub">{r.waits.map((w) => (w.to == null ? waitWord(w.wait) + ' now' : waitWord(w.wait))).join(', ')}</span>}
                {r.kind === 'step' && !['ok', 'waiting'].includes(r.result) && <Badge kind={r.result === 'cut' ? 'warn' : 'bad'}>{r.result}</Badge>}
              </div>
              <span class="took">{r.kind === 'step' ? (ms || r.waits.length ? shortTime(ms) : '0.0 s') : ''}</span>
              <div class="lane" aria-hidden="true">
                {r.kind === 'step' && <i class={r.result === 'ok' || r.result === 'waiting' || r.result === 'cut' ? '' : 'bad'} style={bar(r.at, r.to)} />}
                {r.waits.map((w) => <u style={bar(w.from, w.to)} />)}
              </div>
            </li>
          </>
        );
      })}
    </ol>
  );
}
