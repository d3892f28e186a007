// nav.jsx - the sidebar as a status board, and the bottom bar of a phone.

import { useState } from 'preact/hooks';
import { openPages } from '../lib/access.js';
import { clock, duration, sizeText } from '../lib/format.js';
import { hubNow, keep, kept, useKeys, useTick } from '../lib/store.js';
import { useRoute } from '../lib/route.js';
import { Dialog } from '../ui/dialog.jsx';
import { Icon } from '../ui/parts.jsx';

function Entry({ page, state, at, onClick }) {
  const figure = page.navFigure && page.navFigure(state);
  const f = typeof figure === 'string' ? { text: figure } : figure;
  return (
    <a href={'#/' + page.id} aria-current={page.id === at ? 'page' : undefined} onClick={onClick}>
      <Icon name={page.icon} />{page.title}
      {f && f.text && <span class={f.tone || ''}>{f.text}</span>}
    </a>
  );
}

// Everything a figure may be made of.
const useFigures = () => useKeys('info', 'memory', 'mqtt', 'log', 'edits', 'devices', 'deviceEdits', 'audio', 'automation', 'game', 'lamp', 'battery', 'link', 'session');

export function Sidebar() {
  const state = useFigures();
  const { page } = useRoute();
  let group = null;
  return (
    <nav class="side" aria-label="Pages">
      <ul>
        {openPages().map((p) => {
          const gap = group !== null && group !== p.group;
          group = p.group;
          return <>{gap && <li class="gap" role="presentation" />}<li><Entry page={p} state={state} at={page} /></li></>;
        })}
      </ul>
      <Vitals state={state} />
    </nav>
  );
}

function Vitals({ state }) {
  useTick(1000);
  const { info, memory } = state;
  const host = memory && memory.host;
  const warm = host && host.cpu_temperature_c != null ? `, ${Math.round(host.cpu_temperature_c)} \u00b0C` : '';
  return (
    <dl class="vit">
      <dt>Hub time</dt><dd>{info ? clock(hubNow()) : ''}</dd>
      <dt>Up</dt><dd>{info ? duration(info.uptime_ms + Date.now() - info.at) : ''}</dd>
      <dt>CPU</dt><dd>{host ? `${Math.round(host.cpu_usage_pct)} %${warm}` : ''}</dd>
      <dt>Process</dt><dd>{host ? sizeText(host.rss_bytes) : ''}</dd>
    </dl>
  );
}

const BAR = ['memory', 'actions', 'lamp', 'mqtt']; // the first three that there are

export function BottomBar() {
  const state = useFigures();
  const { page } = useRoute();
  const [more, setMore] = useState(false);
  const [chosen, setChosen] = useState(() => kept('bar', null));
  const all = openPages();
  const middle = chosen || BAR.filter((id) => all.some((p) => p.id === id)).slice(0, 3);
  const inBar = ['home', ...middle].map((id) => all.find((p) => p.id === id)).filter(Boolean);
  const choose = (i, id) => {
    const next = middle.map((m, k) => (k === i ? id : m === id ? middle[i] : m));
    setChosen(next);
    keep('bar', next);
  };
  return (
    <>
      <nav class="bar" aria-label="Pages">
        {inBar.map((p) => (
          <a href={'#/' + p.id} aria-current={p.id === page ? 'page' : undefined}><Icon name={p.icon} size={20} />{p.title}</a>
        ))}
        <button type="button" aria-haspopup="dialog" aria-current={inBar.some((p) => p.id === page) ? undefined : 'true'} onClick={() => setMore(true)}>
          <Icon name="more" size={20} />More
        </button>
      </nav>
      {more && (
        <Dialog label="All pages" class="sheet" onClose={() => setMore(false)}>
          <ul class="side-list">{all.map((p) => <li><Entry page={p} state={state} at={page} onClick={() => setMore(false)} /></li>)}</ul>
          <h3>In the bar</h3>
          <div class="row">
            {middle.map((id, i) => (
              <select class="in" aria-label={`Place ${i + 2} of the bar`} value={id} onChange={(e) => choose(i, e.target.value)}>
                {all.filter((p) => p.id !== 'home').map((p) => <option value={p.id}>{p.title}</option>)}
              </select>
            ))}
          </div>
          <div class="row end"><button type="button" class="btn" onClick={() => setMore(false)}>Close</button></div>
        </Dialog>
      )}
    </>
  );
}
