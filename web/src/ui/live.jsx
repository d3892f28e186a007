// live.jsx - a list that grows: newest at the top. New rows enter only while it is scrolled to the top;
// else they wait behind "12 new".

import { useRef, useState } from 'preact/hooks';

const SHOWN_MAX = 300;

// `items` oldest first, each with a `seq`; `row(item)` draws one.
export function LiveList({ items, row, label, empty }) {
  const box = useRef();
  const [held, setHeld] = useState(null); // the newest row shown while scrolled away
  const newest = items.length ? items[items.length - 1].seq : 0;
  const scrolled = () => {
    const away = box.current.scrollTop > 4;
    if (away !== (held !== null)) setHeld(away ? newest : null);
  };
  const top = () => {
    box.current.scrollTop = 0;
    setHeld(null);
  };
  let end = items.length;
  if (held !== null) while (end > 0 && items[end - 1].seq > held) end--;
  const waiting = items.length - end;
  const shown = items.slice(Math.max(0, end - SHOWN_MAX), end).reverse();
  return (
    <div class="live-box">
      {waiting > 0 && <button type="button" class="btn sm pri news" onClick={top}>{waiting} new</button>}
      <ul class="live-list" ref={box} onScroll={scrolled} tabIndex={0} aria-label={label}>
        {shown.map((item) => <li key={item.seq}>{row(item)}</li>)}
        {!shown.length && <li class="sub">{empty}</li>}
      </ul>
    </div>
  );
}
