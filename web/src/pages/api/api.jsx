// api.jsx - every route of the hub with what it did and cost.

import { count, kib, plural, wholeSize } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { useResource } from '../../lib/resource.js';
import { setParam } from '../../lib/route.js';
import { useKeys } from '../../lib/store.js';
import { Gauge, Head, Loaded } from '../../ui/parts.jsx';
import { Table } from '../../ui/table.jsx';

const columns = (limit) => [
  { id: 'method', label: 'Method', cell: (r) => <code>{r.method}</code>, sort: (r) => r.method },
  { id: 'path', label: 'Path', class: 'name', cell: (r) => (r.method === 'GET' ? <a href={r.path} target="_blank" rel="noopener"><code>{r.path}</code></a> : <code>{r.path}</code>), sort: (r) => r.path },
  { id: 'text', label: 'What it does', class: 'opt wrap', cell: (r) => r.text },
  { id: 'owner', label: 'Owner', class: 'sub opt', cell: (r) => r.owner, sort: (r) => r.owner },
  { id: 'calls', label: 'Calls', r: true, cell: (r) => count(r.calls), sort: (r) => r.calls },
  { id: 'errors', label: 'Errors', r: true, cell: (r) => <span class={r.errors ? 'wn' : 'sub'}>{count(r.errors)}</span>, sort: (r) => r.errors },
  { id: 'bar', label: 'Internal peak', width: '16%', class: 'pad opt', cell: (r) => r.calls > 0 && <Gauge label={r.path} value={r.peak_internal_bytes} max={limit} colour="k6" text={`${kib(r.peak_internal_bytes)} KiB`} /> },
  { id: 'peak', label: 'KiB', r: true, cell: (r) => kib(r.peak_internal_bytes), sort: (r) => r.peak_internal_bytes },
  { id: 'psram', label: 'PSRAM, KiB', r: true, class: 'opt', cell: (r) => kib(r.peak_psram_bytes), sort: (r) => r.peak_psram_bytes },
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
