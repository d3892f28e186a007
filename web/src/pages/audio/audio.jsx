// audio.jsx - the player: its volume and output, its two channels, and the tracks of the card.

import { useEffect, useRef, useState } from 'preact/hooks';
import { get, post } from '../../lib/api.js';
import { duration, plural, sizeText } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { setParam } from '../../lib/route.js';
import { set, useKeys, useTick } from '../../lib/store.js';
import { Badge, Button, Empty, Failed, Head, Loading, Note, Stat, Switch, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { STEPS, nameOf, positionOf, stillHeld, toMs, toStep, trackTime, waysTo } from './position.js';

const ROOT = '/sdcard';
const VOLUME_REST_MS = 200;
const SEEK_REST_MS = 150;
const PAGE = 50;
const NAMES = { background: 'Background', effect: 'Effect' };

const send = (what, body) => post('/api/audio/' + what, body).catch((e) => toast(e.message));

export default function Audio({ params }) {
  useFeed('audio');
  const { audio, link } = useKeys('audio', 'link');
  const [error, setError] = useState(null);
  const [loops, setLoops] = useState({}); // channel -> repeat one, for what is played next
  const load = () => get('/api/audio').then((a) => { setError(null); set('audio', { ...a, at: Date.now() }); }, setError);
  useEffect(() => {
    if (link.state === 'live') load();
  }, [link.state]);
  if (!audio) return <><Head title="Audio" />{error ? <Failed error={error} retry={load} /> : <Loading lines={8} />}</>;
  const loopOf = (c) => loops[c.channel] ?? (c.state !== 'idle' && c.loop);
  const play = (path, channel, extra) => send('play', { path, channel, loop: !!loopOf(audio.channels.find((c) => c.channel === channel)), ...extra });
  // The player takes "again and again" with the track: the one that plays begins anew at its place.
  const repeat = (c, loop) => {
    setLoops({ ...loops, [c.channel]: loop });
    if (c.state === 'playing' || c.state === 'loading') anew(c, loop);
  };
  const anew = (c, loop) => send('play', { path: c.path, channel: c.channel, loop, volume: c.volume, seek_ms: positionOf(c, audio.at, Date.now()) });
  const resume = (c) => (loopOf(c) === c.loop ? send('resume', { channel: c.channel }) : anew(c, loopOf(c)));
  const { output } = audio;
  const sounds = audio.channels.some((c) => c.state !== 'idle');
  return (
    <div class="audio">
      <Head title="Audio" facts={[`output ${output.device}`, `${output.rate_hz / 1000} kHz`]}>
        <Button online disabled={!sounds} onClick={() => send('stop', { all: true })}>Stop all</Button>
      </Head>
      <div class="grid">
        {output.state === 'failed' && <div class="c12"><Note role="status">Output {output.device} does not work: {output.message}. Next try in {duration(output.retry_in_ms)}.</Note></div>}
        <Tile title="Player" span={4} end={<Badge kind={{ open: 'ok', failed: 'bad' }[output.state] || ''}>output {output.state}</Badge>}>
          <Volume label="Volume" value={audio.volume} onSend={(volume) => send('volume', { volume })} />
          <dl class="stats apart"><Stat label="Underruns" value={audio.underruns} /><Stat label="Interruptions" value={audio.interruptions} /><Stat label="Output failures" value={audio.output_failures} /></dl>
        </Tile>
        {audio.channels.map((c) => <Channel key={c.channel} c={c} at={audio.at} loop={loopOf(c)} onLoop={(loop) => repeat(c, loop)} onResume={() => resume(c)} />)}
        <Library folder={params.path || ROOT} playing={audio.channels.filter((c) => c.state !== 'idle').map((c) => c.path)} onPlay={play} />
      </div>
    </div>
  );
}

// Calls `act` with the newest value once it has rested for `ms`.
function useRest(ms, act) {
  const timer = useRef();
  useEffect(() => () => clearTimeout(timer.current), []);
  return (value) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => act(value), ms);
  };
}

const TRUST_MS = 2000;

// Shows what was moved until the hub says the same, or for two seconds.
function Volume({ label, value, disabled, onSend }) {
  const [held, setHeld] = useState(null);
  const rest = useRest(VOLUME_REST_MS, (v) => {
    onSend(v);
    setTimeout(() => setHeld((h) => (h === v ? null : h)), TRUST_MS);
  });
  useEffect(() => {
    if (held === value) setHeld(null);
  }, [value]);
  const shown = held ?? value;
  const move = (v) => {
    setHeld(v);
    rest(v);
  };
  return (
    <label class="slide">{label}
      <input type="range" min="0" max="100" value={shown} disabled={disabled} aria-label={label} onInput={(e) => move(+e.target.value)} />
      <output>{shown}</output>
    </label>
  );
}

function Channel({ c, at, loop, onLoop, onResume }) {
  useTick(250);
  const [held, setHeld] = useState(null);
  const rest = useRest(SEEK_REST_MS, (ms) => {
    send('seek', { channel: c.channel, pos_ms: ms });
    setHeld({ ms, instance: c.instance, sentAt: Date.now() });
  });
  const now = Date.now();
  const pos = positionOf(c, at, now);
  const isHeld = stillHeld(held, c, pos, now);
  const shown = isHeld ? held.ms : pos;
  const isIdle = c.state === 'idle';
  const drag = (step) => {
    const ms = toMs(step, c.dur_ms);
    setHeld({ ms, instance: c.instance, isDragged: true });
    rest(ms);
  };
  const name = NAMES[c.channel];
  return (
    <Tile title={name} span={4} aria-label={`Channel ${name}`} end={<Badge kind={{ playing: 'run', paused: 'warn' }[c.state] || ''}>{c.state}</Badge>}>
      <p class="track" title={c.path}>{isIdle ? <span class="sub">{c.message || 'Nothing plays.'}</span> : <><b>{nameOf(c.path)}</b> <span class="sub">{c.fmt}{c.bitrate_kbps ? `, ${c.bitrate_kbps} kbit/s` : ''}</span></>}</p>
      <label class="slide"><span class="hide">Position</span>
        <input type="range" min="0" max={STEPS} value={toStep(shown, c.dur_ms)} disabled={isIdle || !c.dur_ms} aria-label={`Position, ${name}`} aria-valuetext={`${trackTime(shown)} of ${trackTime(c.dur_ms)}`} onInput={(e) => drag(+e.target.value)} />
        <output>{trackTime(shown)} / {trackTime(c.dur_ms)}</output>
      </label>
      <Volume label="Volume" value={isIdle ? 100 : c.volume} disabled={isIdle} onSend={(volume) => send('volume', { channel: c.channel, volume })} />
      {c.message && !isIdle && <p class="find"><span>{c.message}</span></p>}
      <div class="row">
        {c.state === 'paused'
          ? <Button online onClick={onResume}>Resume</Button>
          : <Button online disabled={isIdle} onClick={() => send('pause', { channel: c.channel })}>Pause</Button>}
        <Button online disabled={isIdle} onClick={() => send('stop', { channel: c.channel })}>Stop</Button>
        <span class="row rep"><label for={'loop-' + c.channel}>Repeat one</label><Switch id={'loop-' + c.channel} label={`Repeat one, ${name}`} on={loop} onChange={onLoop} /></span>
      </div>
    </Tile>
  );
}

// ---- the card ----------------------------------------------------------------------------------------------

// Entries of a folder, page by page: durations are looked up in the files.
function useFolder(folder) {
  const [list, setList] = useState({ folder: null });
  const load = (offset) => {
    get(`/api/files?meta=1&offset=${offset}&limit=${PAGE}&path=${encodeURIComponent(folder)}`).then(
      (more) => setList((l) => ({ folder, files: offset && l.folder === folder ? [...l.files, ...more] : more, isWhole: more.length < PAGE })),
      (error) => setList({ folder, files: [], error, isWhole: true }),
    );
  };
  useEffect(() => load(0), [folder]);
  return { ...list, more: () => load(list.files.length), again: () => load(0) };
}

function Library({ folder, playing, onPlay }) {
  const list = useFolder(folder);
  const go = (path) => setParam('path', path === ROOT ? null : path);
  const files = list.files || [];
  const folders = files.filter((f) => f.dir).sort((a, b) => a.path.localeCompare(b.path));
  const tracks = files.filter((f) => !f.dir).sort((a, b) => a.path.localeCompare(b.path));
  const ways = waysTo(folder);
  const facts = `${plural(tracks.length, 'track')}${list.isWhole ? '' : ' so far'}`;
  return (
    <Tile title="Card" span={12} end={list.files && <span>{facts}</span>}>
      <div class="row chips">
        {folder !== ROOT && <Button kind="sm" onClick={() => go(ways[ways.length - 2][0])}>Up</Button>}
        <nav class="row ways" aria-label="Folder">{ways.map(([path, name], i) => (i < ways.length - 1 ? <><button type="button" class="way" onClick={() => go(path)}>{name}</button>/</> : <b>{name}</b>))}</nav>
        {folders.map((f) => <button type="button" class="chip" onClick={() => go(f.path)}>{nameOf(f.path)}</button>)}
      </div>
      {list.error && <Failed error={list.error} retry={list.again} />}
      {!list.files && <Loading lines={4} />}
      {list.files && !files.length && !list.error && <Empty action={<Button kind="sm" onClick={list.again}>Look again</Button>}>This folder has no tracks: WAV, MP3, Ogg and FLAC files are shown. The card is the folder sdcard in the data folder of the hub, or the one that audio.root names.</Empty>}
      <ul class="cards">
        {tracks.map((f) => (
          <li class={playing.includes(f.path) ? 'on' : ''}>
            <b>{nameOf(f.path)}</b>
            <span class="sub">{f.dur ? trackTime(f.dur * 1000) : 'length not known'}, {sizeText(f.size)}</span>
            <span class="row">
              <Button kind="sm" online icon="play" aria-label={`Play ${nameOf(f.path)}`} onClick={() => onPlay(f.path, 'effect')}>Play</Button>
              <Button kind="sm" online aria-label={`Play ${nameOf(f.path)} in the background`} onClick={() => onPlay(f.path, 'background')}>Background</Button>
            </span>
          </li>
        ))}
      </ul>
      {list.files && !list.isWhole && <div class="row"><Button onClick={list.more}>Show more</Button></div>}
    </Tile>
  );
}
