// parts.jsx - the small components: tile, stat, gauge, badge, sparkline, controls, states.

import { useEffect, useRef, useState } from 'preact/hooks';
import { mayOpenHref } from '../lib/access.js';
import { isOnline, useKeys } from '../lib/store.js';

export const Icon = ({ name, size = 16 }) => (
  <svg class="ico" width={size} height={size} aria-hidden="true">
    <use href={'icons.svg#i-' + name} />
  </svg>
);
export const Mark = ({ size }) => (
  <svg width={size} height={size} viewBox="0 0 64 64" aria-hidden="true">
    <use href="mark.svg#mark" />
  </svg>
);

// Title, facts in grey, page controls on the right. The h1 takes focus on page change.
export function Head({ title, facts = [], children }) {
  return (
    <div class="phead">
      <h1 tabIndex={-1}>{title}</h1>
      <p class="facts">{facts.filter(Boolean).map((f, i) => <span class={i ? 'hide-s' : ''}>{f}</span>)}</p>
      {children && <div class="right">{children}</div>}
    </div>
  );
}

export function Tile({ title, href, end, span, order, children, class: cls = '', ...rest }) {
  return (
    <article class={`tile c${span || 12} ${order ? 'o' + order : ''} ${cls}`} {...rest}>
      <div class="thead">
        <h2>{href && mayOpenHref(href) ? <a href={href}>{title}</a> : title}</h2>
        {end && <div class="end">{end}</div>}
      </div>
      {children}
    </article>
  );
}

export const Stat = ({ label, value, unit, big, tone = '', width, title }) => (
  <div class={`stat ${big ? 'big' : ''} ${tone}`} title={title}>
    <dt>{label}</dt>
    <dd style={width && { minWidth: width + 'ch' }}>
      {value}
      {unit && <small>{unit}</small>}
    </dd>
  </div>
);

// A value in its budget, with a tick at the peak. No budget (0): measured against `whole`.
// `isGoal`: full is what is wanted, not what is feared.
export function Gauge({ label, value, max, peak, colour = 'k1', text, isGoal }) {
  const share = (v) => (max > 0 ? Math.min(100, (100 * v) / max) : 0);
  return (
    <div class={`gauge ${colour} ${!isGoal && max && value / max >= 0.9 ? 'warn' : ''}`} role="meter" aria-label={label}
      aria-valuemin="0" aria-valuemax={max} aria-valuenow={Math.min(value, max)} aria-valuetext={text}>
      <i style={{ width: share(value) + '%' }} />
      {peak > 0 && max > 0 && <u style={{ left: `calc(${share(peak)}% - 2px)` }} />}
    </div>
  );
}

export const Badge = ({ kind = '', children, title }) => (
  <span class={'b ' + kind} title={title}>{children}</span>
);

// The shape of `values` (null: a gap): no axis, a dot at the end.
export function Spark({ values, width = 64, height = 18 }) {
  const known = values.filter((v) => v != null);
  if (known.length < 2) return <svg width={width} height={height} aria-hidden="true" />;
  let lo = Math.min(...known);
  let hi = Math.max(...known);
  if (hi - lo < 512) {
    lo -= 512;
    hi += 512;
  }
  const x = (i) => 1 + ((width - 5) * i) / (values.length - 1);
  const y = (v) => 2 + (height - 4) * (1 - (v - lo) / (hi - lo));
  let d = '';
  values.forEach((v, i) => {
    if (v != null) d += (d && values[i - 1] != null ? 'L' : 'M') + x(i).toFixed(1) + ' ' + y(v).toFixed(1);
  });
  const end = values.length - 1;
  return (
    <svg class="spark" width={width} height={height} aria-hidden="true">
      <path d={d} />
      {values[end] != null && <circle cx={x(end)} cy={y(values[end])} r="2" />}
    </svg>
  );
}

export const Legend = ({ items }) => (
  <span class="legend">
    {items.map(([colour, text, dash]) => (
      <span><i class={`${colour} ${dash ? 'dash' : ''}`} />{text}</span>
    ))}
  </span>
);

// ---- controls -------------------------------------------------------------------------------------

// `online`: off while there is no connection. `why`: off, with the reason beside or as title.
export function Button({ kind = '', online, disabled, icon, children, ...rest }) {
  useKeys('link');
  const off = disabled || (online && !isOnline());
  return (
    <button type="button" class={'btn ' + kind} disabled={off}
      title={online && !isOnline() ? 'No connection to the hub' : undefined} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

// One of a few: arrow keys move, one tab stop.
export function Segments({ label, options, value, onChange, kind = '', disabled }) {
  const box = useRef();
  const move = (e) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const i = options.findIndex((o) => o[0] === value);
    const next = (i + step + options.length) % options.length;
    onChange(options[next][0]);
    box.current.children[next].focus();
  };
  return (
    <div class={'segc ' + kind} role="radiogroup" aria-label={label} ref={box} onKeyDown={move}>
      {options.map(([id, text, title]) => (
        <button type="button" role="radio" aria-checked={id === value} tabIndex={id === value ? 0 : -1}
          title={title} disabled={disabled} onClick={() => onChange(id)}>{text}</button>
      ))}
    </div>
  );
}

export function Switch({ label, on, onChange, disabled, id }) {
  return (
    <button type="button" class="sw" id={id} role="switch" aria-checked={on} aria-label={label}
      disabled={disabled} onClick={() => onChange(!on)} />
  );
}

// Label above, limit right of it, finding below.
export function Field({ id, label, limit, finding, warning, children }) {
  return (
    <div class="f">
      <label for={id}><span>{label}</span>{limit != null && <span class="sub">{limit}</span>}</label>
      {children}
      {finding && <div class={'find ' + (warning ? 'warn' : '')} id={id + '-find'}><span>{finding}</span></div>}
    </div>
  );
}
export const findingOf = (id, finding) =>
  finding ? { 'aria-invalid': 'true', 'aria-describedby': id + '-find' } : {};

// ---- states -----------------------------------------------------------------------------------------

// Outline of what comes, seen after 200 ms.
export const Loading = ({ lines = 5, big }) => (
  <div class="sks" aria-busy="true" aria-label="Loading">
    {big && <div class="sk big" />}
    {Array.from({ length: lines }, (_, i) => <div class={'sk w' + (i % 3)} />)}
  </div>
);

export const Empty = ({ children, action }) => (
  <div class="empty"><Mark size={40} /><p>{children}</p>{action}</div>
);

export const Note = ({ kind = 'bad', children, action, role = 'alert' }) => (
  <div class={'note ' + kind} role={role}><span /><span>{children}</span>{action}</div>
);

// What, where, what was left as it was, and a way to try again.
export const Failed = ({ error, retry }) => (
  <Note action={retry && <Button kind="sm" onClick={retry}>Try again</Button>}>{error.message}</Note>
);

// Children once there is a value; else the outline or the error.
export function Loaded({ of, lines, big, children }) {
  if (of.value) {
    return (
      <>
        {of.error && of.error.code !== 'offline' && <Failed error={of.error} retry={of.reload} />}
        {children(of.value)}
      </>
    );
  }
  return of.error ? <Failed error={of.error} retry={of.reload} /> : <Loading lines={lines} big={big} />;
}

// Width of an element, kept up to date.
export function useWidth(ref) {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const o = new ResizeObserver(([e]) => setWidth(Math.floor(e.contentRect.width)));
    o.observe(ref.current);
    return () => o.disconnect();
  }, []);
  return width;
}
