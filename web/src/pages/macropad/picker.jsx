// picker.jsx - the icons: built-in masks, emoji drawn by this browser, pictures from a file.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from '../../ui/dialog.jsx';
import { Button, Empty, Segments } from '../../ui/parts.jsx';
import { EMOJI } from './emoji.js';
import { firstCharacter } from './icon_file.js';
import { fromEmoji, fromPicture, useIcon } from './icons.js';

const KINDS = [['builtin', 'Built in'], ['emoji', 'Emoji'], ['picture', 'Picture']];

export function IconPicker({ icons, colour, back, onPick, onClose }) {
  const [kind, setKind] = useState(icons.builtin.length ? 'builtin' : 'emoji');
  const [words, setWords] = useState('');
  const [finding, setFinding] = useState(null);
  const has = (text) => text.toLowerCase().includes(words.trim().toLowerCase().replace(/ /g, kind === 'builtin' ? '_' : ' '));
  const emoji = (text) => {
    const icon = fromEmoji(text);
    if (icon) onPick(icon);
    else setFinding(`This browser has no picture of ${text}.`);
  };
  const picture = (file) => file && fromPicture(file).then(onPick, (e) => setFinding(e.message));
  const typed = firstCharacter(words);
  const isOwn = kind === 'emoji' && typed && /\p{Extended_Pictographic}|\p{Regional_Indicator}|[0-9#*]\ufe0f?\u20e3/u.test(typed);
  return (
    <Dialog label="Choose an icon" class="icons" onClose={onClose}>
      <div class="row between"><h2>Choose an icon</h2><Button kind="sm" onClick={onClose}>Close</Button></div>
      <div class="row">
        <Segments label="Kind of icon" options={KINDS} value={kind} onChange={(k) => { setKind(k); setFinding(null); }} />
        {kind !== 'picture' && <input class="in find-in" type="search" aria-label="Find icon" placeholder={kind === 'emoji' ? 'Find, or type any emoji' : 'Find icon'} value={words} onInput={(e) => setWords(e.target.value)} />}
      </div>
      {finding && <div class="find" role="alert"><span>{finding}</span></div>}
      {kind === 'builtin' && <Masks ids={icons.builtin.filter(has)} colour={colour} back={back} onPick={onPick} />}
      {kind === 'emoji' && (
        <div class="pool">
          {isOwn && <><h3>Typed</h3><div class="tiles"><button type="button" class="pick-i" onClick={() => emoji(typed)}>{typed}</button></div></>}
          <Emoji list={EMOJI.filter((e) => has(e.words) || e.text === typed)} none={!isOwn} onPick={emoji} />
        </div>
      )}
      {kind === 'picture' && <Pictures ids={icons.installed.filter((id) => !id.startsWith('emoji_'))} onFile={picture} onPick={onPick} />}
    </Dialog>
  );
}

// Asked for once it is seen.
function Lazy({ id, colour }) {
  const box = useRef();
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const o = new IntersectionObserver(([e]) => e.isIntersecting && setSeen(true));
    o.observe(box.current);
    return () => o.disconnect();
  }, []);
  const url = useIcon(seen ? id : null, colour);
  return <span ref={box} class="face">{url && <img src={url} alt="" />}</span>;
}

const nameOf = (id) => id.replace(/_/g, ' ');

function Masks({ ids, colour, back, onPick }) {
  if (!ids.length) return <p class="sub">No built-in icon has this name.</p>;
  return (
    <ul class="pool tiles" aria-label="Built-in icons">
      {ids.map((id) => (
        <li key={id}><button type="button" class="pick-i mask" style={{ background: back }} title={nameOf(id)} aria-label={nameOf(id)} onClick={() => onPick({ type: 'builtin', id, display: '' })}><Lazy id={id} colour={colour} /></button></li>
      ))}
    </ul>
  );
}

function Emoji({ list, none, onPick }) {
  const groups = [...new Set(list.map((e) => e.group))];
  if (!list.length) return none ? <p class="sub">No emoji here has this word. Type or paste the emoji itself.</p> : null;
  return groups.map((g) => (
    <>
      <h3>{g}</h3>
      <div class="tiles">{list.filter((e) => e.group === g).map((e) => <button type="button" key={e.text} class="pick-i" title={e.words} aria-label={`${e.text} ${e.words}`} onClick={() => onPick(e.text)}>{e.text}</button>)}</div>
    </>
  ));
}

function Pictures({ ids, onFile, onPick }) {
  const [over, setOver] = useState(false);
  const drop = (e) => {
    e.preventDefault();
    setOver(false);
    onFile(e.dataTransfer.files[0]);
  };
  return (
    <div class="pool">
      <label class={'drop ' + (over ? 'over' : '')} onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}>
        <b>Choose a picture, or drop one here</b>
        <span class="sub">PNG, JPEG, WebP or GIF. It is shrunk to 128 pixels here and kept on the hub once the pad is saved.</span>
        <input type="file" accept="image/*" aria-label="Picture file" onChange={(e) => onFile(e.target.files[0])} />
      </label>
      {ids.length > 0 && <><h3>On the hub</h3><ul class="tiles">{ids.map((id) => <li key={id}><button type="button" class="pick-i mask" title={id} aria-label={nameOf(id)} onClick={() => onPick({ type: 'asset', id, display: '' })}><Lazy id={id} /></button></li>)}</ul></>}
      {!ids.length && <Empty>No pictures are installed yet.</Empty>}
    </div>
  );
}
