// panel.jsx - a macro screen as the panel paints it, to be edited: choose, drag, move by keys.

import { useEffect, useRef, useState } from 'preact/hooks';
import { cellsOf, contentOf, fit, neighbour } from './layout.js';
import { useIcon } from './icons.js';
import { backgroundOf, buttonAt, colourOf, hasIcon, hex, isUsed, same, sentenceOf, slotsOf, substitute, templateOf } from './model.js';

const DRAG_PX = 6;
const HOLD_MS = 350; // a finger that rests drags; one that moves scrolls
const TURN_MS = 450; // over a tab, until its screen opens

// `onChoose(at)`, `onMove(from, to, copies)`, `onKey(event)` for what is not an arrow; `onScreen(n)` while dragging.
export function Panel({ doc, at, size, round, marks, onChoose, onMove, onKey, onScreen, onOpen }) {
  const svg = useRef();
  const [drag, setDrag] = useState(null); // {from, x, y, over, copies}
  const screen = doc.screens[at.screen];
  const cells = cellsOf(templateOf(screen), size.width, size.height);
  const live = useRef();
  live.current = { at, cells, onMove, onScreen, onChoose };
  useDrag(svg, live, setDrag);

  // A key means what has the focus, drawn as chosen or not yet.
  const key = (e) => {
    const from = { ...at, slot: +e.target.closest('.cell').dataset.slot };
    if (e.key in { ArrowLeft: 1, ArrowRight: 1, ArrowUp: 1, ArrowDown: 1 } && !e.ctrlKey && !e.metaKey) {
      const to = neighbour(cells, from.slot, e.key);
      e.preventDefault();
      if (to < 0) return;
      if (e.altKey) onMove(from, { ...at, slot: to });
      onChoose({ ...at, slot: to });
      svg.current.querySelector(`[data-slot="${to}"]`).focus();
    } else if (e.key === 'Enter' || e.key === ' ') {
      e.preventDefault();
      onOpen();
    } else {
      onKey(e, from);
    }
  };
  const { width, height } = size;
  const background = hex(backgroundOf(doc, screen));
  return (
    <svg ref={svg} class={'panel ' + (drag ? 'drags' : '')} viewBox={`-4 -4 ${width + 8} ${height + 8}`} role="group" aria-label={`Screen ${at.screen + 1}, ${slotsOf(screen)} slots`} onKeyDown={key}>
      {round ? <circle class="rim" cx={width / 2} cy={height / 2} r={Math.min(width, height) / 2} fill={background} />
        : <rect class="rim" width={width} height={height} rx="6" fill={background} />}
      {cells.map((cell, slot) => {
        const here = { screen: at.screen, slot };
        return (
          <Cell key={slot} doc={doc} cell={cell} at={here} background={background} isOn={slot === at.slot} mark={marks(here)}
            isFrom={drag && same(drag.from, here)} isOver={drag && drag.over === slot && !same(drag.from, here)}
            tab={slot === Math.min(at.slot, cells.length - 1)} onChoose={() => onChoose(here)} onOpen={onOpen} />
        );
      })}
      {drag && <Ghost doc={doc} drag={drag} size={size} />}
    </svg>
  );
}

// What is under the finger: the cell that is dragged, on its own.
function Ghost({ doc, drag, size }) {
  const from = drag.from;
  const cell = cellsOf(templateOf(doc.screens[from.screen]), size.width, size.height)[from.slot];
  return (
    <g class="ghost" transform={`translate(${drag.x - cell.x} ${drag.y - cell.y})`}>
      <Face doc={doc} cell={cell} at={from} background="#000000" />
    </g>
  );
}

function Cell({ doc, cell, at, background, isOn, isFrom, isOver, mark, tab, onChoose, onOpen }) {
  const b = buttonAt(doc, at);
  const wide = 2 * cell.rounding;
  const name = sentenceOf(b, at) + (mark ? `, ${mark}` : '');
  return (
    <g class={`cell ${isFrom ? 'from' : ''}`} data-slot={at.slot} role="button" aria-pressed={isOn} aria-label={name} tabIndex={tab ? 0 : -1}
      onClick={onChoose} onDblClick={onOpen} onFocus={onChoose}>
      <path class={'ring ' + (isOver ? 'over' : isOn ? 'on' : '')} d={cell.path} stroke-width={wide + 7} />
      <Face doc={doc} cell={cell} at={at} background={background} />
      {mark && <path class="bad" transform={`translate(${cell.content.x + cell.content.w - 4} ${cell.content.y - 2})`} d="M0 -8 8 0 0 8 -8 0z" />}
    </g>
  );
}

function Face({ doc, cell, at, background }) {
  const b = buttonAt(doc, at);
  const wide = 2 * cell.rounding;
  if (!isUsed(b)) {
    return (
      <g class="free">
        <path d={cell.path} stroke-width={wide} fill={background} stroke={background} />
        <path class="dash" d={cell.path} />
        <path class="plus" transform={`translate(${cell.x} ${cell.y})`} d="M-7 0H7M0 -7V7" />
      </g>
    );
  }
  const colour = hex(colourOf(doc, b, 'button_bg'));
  const picture = hasIcon(b) || b.action === 'nav_prev' || b.action === 'nav_next';
  const label = b.label || (picture ? '' : substitute(b, at));
  const where = contentOf(cell, picture, !!label);
  return (
    <>
      <path class="edge" d={cell.path} stroke-width={wide} />
      <path d={cell.path} stroke-width={wide - 3} fill={colour} stroke={colour} stroke-linejoin="round" />
      {where.icon && <Picture b={b} box={where.icon} colour={colourOf(doc, b, 'icon_color')} />}
      {where.label && <Label text={label} box={where.label} colour={hex(colourOf(doc, b, 'label_color'))} />}
    </>
  );
}

// An emoji stands as text until the hub has its pixels; the arrows of "previous" and "next" are the panel's own.
function Picture({ b, box, colour }) {
  const url = useIcon(b.icon.type === 'emoji' && b.icon.display ? null : b.icon.id, colour);
  const [x, y] = [box.x + box.size / 2, box.y + box.size / 2];
  if (!hasIcon(b)) {
    const reach = box.size * 0.3;
    const tip = b.action === 'nav_prev' ? -reach / 2 : reach / 2;
    return <path class="arrow" d={`M${x - tip} ${y - reach}L${x + tip} ${y}L${x - tip} ${y + reach}`} stroke={hex(colour)} stroke-width={box.size * 0.11} />;
  }
  if (url) return <image href={url} x={box.x} y={box.y} width={box.size} height={box.size} />;
  const text = b.icon.type === 'emoji' ? b.icon.display : url === null ? '?' : '';
  return <text class="emoji" x={x} y={y} font-size={box.size * 0.84} fill={hex(colour)}>{text}</text>;
}

let ruler;
function widthOf(text, size) {
  ruler = ruler || document.createElement('canvas').getContext('2d');
  ruler.font = `500 ${size}px "DejaVu Sans", sans-serif`;
  return ruler.measureText(text).width;
}

function Label({ text, box, colour }) {
  const { size, lines } = fit(text, box, widthOf);
  const first = box.y + box.h / 2 - ((lines.length - 1) * size * 1.25) / 2;
  return lines.map((line, i) => (
    <text class="label" x={box.x + box.w / 2} y={first + i * size * 1.25} font-size={size} fill={colour} textLength={widthOf(line, size) > box.w ? box.w : undefined} lengthAdjust="spacingAndGlyphs">{line}</text>
  ));
}

// ---- dragging --------------------------------------------------------------------------------------------------

function useDrag(svg, live, setDrag) {
  useEffect(() => {
    const root = svg.current;
    let down = null; // {from, x, y, touch}
    let held = null; // what is dragged
    let timer;
    const point = (e) => {
      const p = new DOMPoint(e.clientX, e.clientY).matrixTransform(root.getScreenCTM().inverse());
      return { x: p.x, y: p.y };
    };
    const slotUnder = (e) => {
      const cell = document.elementsFromPoint(e.clientX, e.clientY).map((n) => n.closest('.panel .cell')).find(Boolean);
      return cell ? +cell.dataset.slot : null;
    };
    const begin = (e) => {
      held = { from: down.from, ...point(e), over: null, copies: false };
      root.setPointerCapture(down.id);
      setDrag(held);
    };
    const end = () => {
      clearTimeout(timer);
      down = held = null;
      setDrag(null);
    };
    const overTab = (e) => {
      const tab = document.elementsFromPoint(e.clientX, e.clientY).map((n) => n.closest('[data-screen]')).find(Boolean);
      const screen = tab ? +tab.dataset.screen : null;
      if (screen === held.tab) return;
      clearTimeout(timer);
      held.tab = screen;
      if (screen !== null && screen !== live.current.at.screen) timer = setTimeout(() => live.current.onScreen(screen), TURN_MS);
    };
    const on = {
      pointerdown(e) {
        const cell = e.target.closest('.cell');
        if (!cell || e.button) return;
        down = { from: { screen: live.current.at.screen, slot: +cell.dataset.slot }, x: e.clientX, y: e.clientY, id: e.pointerId, touch: e.pointerType === 'touch' };
        if (down.touch) timer = setTimeout(() => begin(e), HOLD_MS);
      },
      pointermove(e) {
        if (!down) return;
        const far = Math.hypot(e.clientX - down.x, e.clientY - down.y) > DRAG_PX;
        if (!held && far && down.touch) return end();
        if (!held && far) begin(e);
        if (!held) return;
        held = { ...held, ...point(e), over: slotUnder(e), copies: e.ctrlKey || e.metaKey };
        setDrag(held);
        overTab(e);
      },
      pointerup() {
        if (held && held.over !== null) {
          const to = { screen: live.current.at.screen, slot: held.over };
          if (!same(held.from, to)) {
            live.current.onMove(held.from, to, held.copies);
            live.current.onChoose(to);
          }
        }
        end();
      },
      pointercancel: end,
      touchmove(e) {
        if (held) e.preventDefault();
      },
      contextmenu(e) {
        if (held || (down && down.touch)) e.preventDefault();
      },
    };
    for (const [name, fn] of Object.entries(on)) root.addEventListener(name, fn, { passive: false });
    const escape = (e) => e.key === 'Escape' && held && end();
    addEventListener('keydown', escape);
    return () => {
      clearTimeout(timer);
      removeEventListener('keydown', escape);
    };
  }, []);
}
