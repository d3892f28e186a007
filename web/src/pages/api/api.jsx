// api.jsx - every route of the hub with what it did and cost.

import { count, kib, plural, wholeSize } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { useResource } from '../../lib/resource.js';
import { setParam } from '../../lib/route.js';
import { useKeys } from '../../lib/store.js';
import { Gauge, Head, Loaded } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';

const columns = (limit) => [
  { label: 'Method', cell: (r) => <code>{r.method}</code>, sort: (r) => r.method },
  { label: 'Path', class: 'name', cell: (r) => (r.method === 'GET' ? <a href={r.path} target="_blank" rel="noopener"><code>{r.path}</code></a> : <code>{r.path}</code>), sort: (r) => r.path },
  { label: 'What it does', class: 'opt wrap', cell: (r) => r.text },
  { label: 'Owner', class: 'sub opt', cell: (r) => r.owner, sort: (r) => r.owner },
  num('Calls', (r) => r.calls, count),
  num('Errors', (r) => r.errors, (v) => <span class={v ? 'wn' : 'sub'}>{count(v)}</span>),
  { label: 'Internal peak', width: '16%', class: 'pad opt', cell: (r) => r.calls > 0 && <Gauge label={r.path} value={r.peak_internal_bytes} max={limit} colour="k6" text={`${kib(r.peak_internal_bytes)} KiB`} /> },
  num('KiB', (r) => r.peak_internal_bytes, kib),
  num('PSRAM, KiB', (r) => r.peak_psram_bytes, kib, { class: 'opt' }),
];

export default function Api({ params }) {
  const { routesChanged } = useKeys('routesChanged');
  useFeed('routes');
  const list = useResource('/api/routes', [routesChanged]);
  const text = (params.text || '').toLowerCase();
  const shown = list.value ? list.value.routes.filter((r) => `${r.method} ${r.path} ${r.text}`.toLowerCase().includes(text)) : [];
  const facts = list.value ? [plural(list.value.routes.length, 'route'), `internal limit ${wholeSize(list.value.limit_bytes)} a request`, 'live parts at /ws'] : [];
  return (
    <>
      <Head title="API" facts={facts}>
        <input class="in find-in" type="search" aria-label="Method, path or text" placeholder="Method, path or text"
          value={params.text || ''} onInput={(e) => setParam('text', e.target.value || null)} />
      </Head>
      <article class="tile">
        <Loaded of={list} lines={12}>
          {(v) => <Table label="Routes" columns={columns(v.limit_bytes)} rows={shown} rowKey={(r) => r.method + r.path} empty="No route has this text." />}
        </Loaded>
      </article>
    </>
  );
}
