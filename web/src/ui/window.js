// window.js - the span of a page's plots: chosen (kept in the address), moving with the hub's clock,
// or held still by a zoom.

import { useState } from 'preact/hooks';
import { T } from '../lib/columns.js';
import { setParam, useRoute } from '../lib/route.js';
import { hubNow, useTick } from '../lib/store.js';

const MIN = 60000;
export const SPANS = { '5m': ['5 min', 5 * MIN], '30m': ['30 min', 30 * MIN], '6h': ['6 h', 360 * MIN],
  '24h': ['24 h', 1440 * MIN], boot: ['Since boot', 0] };

// `ids` are the spans to choose from, `usual` the default; `rows` tell how far "Since boot" goes.
export function useWindow(ids, rows, usual = ids[1]) {
  const { params } = useRoute();
  const [zoom, setZoom] = useState(null);
  useTick(1000);
  const now = Math.ceil(hubNow() / 1000) * 1000;
  // A hub that has just started would show an almost empty plot.
  const young = ids.includes('5m') && rows.length > 0 && now - rows[0][T] < SPANS['5m'][1];
  const span = ids.includes(params.span) ? params.span : young ? '5m' : usual;
  const ms = SPANS[span][1] || Math.max(5 * MIN, rows.length ? now - rows[0][T] : 0);
  const [from, to] = zoom || [now - ms, now];
  return {
    span, from, to,
    zoomed: !!zoom,
    options: ids.map((id) => [id, SPANS[id][0]]),
    choose: (id) => {
      setZoom(null);
      setParam('span', id);
    },
    onZoom: (a, b) => setZoom(a == null || b - a < 2000 ? null : [a, Math.min(b, now)]),
  };
}
