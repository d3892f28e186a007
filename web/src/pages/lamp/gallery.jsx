// gallery.jsx - all effects as cards that move.

import { useRef, useState } from 'preact/hooks';
import { setLamp } from './act.js';
import { KINDS, shownEffects } from './model.js';
import { Thumb } from './thumb.jsx';
import { Button, Empty, Segments, Tile } from '../../ui/parts.jsx';

const FEW = 12;

export function Gallery({ effects, palettes, lamp, waits }) {
  const [kind, setKind] = useState('all');
  const [find, setFind] = useState('');
  const [isWhole, setWhole] = useState(false); // on a phone, where all of them are many screens
  const list = useRef();
  const shown = shownEffects(effects, kind, find);
  const kinds = KINDS.filter(([id]) => id === 'all' || effects.some((e) => e.kind === id));
  const at = shown.findIndex((e) => e.id === lamp.effect_id);
  const all = () => {
    setKind('all');
    setFind('');
  };
  return (
    <Tile title="Effects" class="fx-t" end={(
      <>
        <span aria-live="polite">{shown.length} of {effects.length} shown</span>
        <input class="in find-fx" type="search" placeholder="Find" aria-label="Find an effect" value={find} onInput={(e) => setFind(e.target.value)} />
        <Segments kind="sm" label="Kind of effect" options={kinds} value={kind} onChange={setKind} />
      </>
    )}>
      <div class={`fx ${isWhole ? '' : 'short'} ${waits ? 'waits' : ''}`} role="radiogroup" aria-label="Effect" ref={list} onKeyDown={(e) => move(e, list.current)}>
        {shown.map((e, i) => {
          const isOn = e.id === lamp.effect_id;
          return (
            <button key={e.id} type="button" role="radio" aria-checked={isOn} tabIndex={isOn || (at < 0 && i === 0) ? 0 : -1} onClick={() => setLamp({ effect: e.id })}>
              <Thumb effect={e} palettes={palettes} /><span>{e.name}</span>
            </button>
          );
        })}
      </div>
      {!isWhole && shown.length > FEW && <Button kind="more-fx" onClick={() => setWhole(true)}>Show all {shown.length}</Button>}
      {!shown.length && <Empty action={<Button kind="sm" onClick={all}>Show all</Button>}>No effect of this kind has “{find}” in its name.</Empty>}
    </Tile>
  );
}

// Arrows move the focus, by what is above and below too; Enter or Space chooses.
function move(e, box) {
  const cards = [...box.querySelectorAll('[role=radio]')];
  const i = cards.indexOf(document.activeElement);
  if (i < 0) return;
  const columns = cards.filter((c) => c.offsetTop === cards[0].offsetTop).length;
  const to = { ArrowRight: i + 1, ArrowLeft: i - 1, ArrowDown: i + columns, ArrowUp: i - columns, Home: 0, End: cards.length - 1 }[e.key];
  if (to == null) return;
  e.preventDefault();
  if (cards[to]) cards[to].focus();
}
