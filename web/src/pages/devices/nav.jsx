// nav.jsx - the devices and their scenarios, to find and to choose.

import { useState } from 'preact/hooks';
import { href } from '../../lib/route.js';
import { Button } from '../../ui/parts.jsx';
import { draft, findingsUnder } from './editor.js';
import { FindingBadge } from './fields.jsx';
import { pointer } from './path.js';
import { addDevice } from './scenario.jsx';

export function Nav({ at, isRoom }) {
  const [query, setQuery] = useState('');
  const q = query.trim().toLowerCase();
  const has = (o) => !q || `${o.id || ''} ${o.display_name || ''} ${o.name || ''}`.toLowerCase().includes(q);
  const devices = (draft().devices || []).map((device, index) => ({ device, index, found: (device.scenarios || []).some(has) })).filter((d) => has(d.device) || d.found);
  return (
    <article class="tile dnav">
      <div class="row with">
        <input class="in" type="search" placeholder="Find" aria-label="Find device or scenario" value={query} onInput={(e) => setQuery(e.target.value)} />
        <Button kind="ic" icon="plus" aria-label="Add device" onClick={addDevice} />
      </div>
      <nav aria-label="Devices">
        <ul>
          <li><a href={href('devices', { tab: 'room' })} aria-current={isRoom ? 'true' : undefined}>The room<small>variables, game</small></a></li>
          {devices.map(({ device, index }) => <Entry device={device} index={index} at={at} isRoom={isRoom} query={q} has={has} />)}
        </ul>
        {!devices.length && <p class="sub">{q ? `Nothing found for "${query}".` : 'There are no devices yet.'}</p>}
      </nav>
    </article>
  );
}

function Entry({ device, index, at, isRoom, query, has }) {
  const path = ['devices', index];
  const isHere = !isRoom && at[1] === index;
  const scenarios = (device.scenarios || []).map((scenario, n) => [scenario, n]).filter(([s]) => (query ? has(s) || has(device) : isHere));
  return (
    <li>
      <a href={href('devices', { at: pointer(path) })} aria-current={isHere && at.length < 4 ? 'true' : undefined} class={isHere ? 'here' : ''}>
        {device.display_name || device.id || 'no id'}<FindingBadge of={isHere ? [] : findingsUnder(path)} /><small>{(device.scenarios || []).length}</small>
      </a>
      {scenarios.length > 0 && (
        <ul>
          {scenarios.map(([s, n]) => (
            <li><a href={href('devices', { at: pointer([...path, 'scenarios', n]) })} aria-current={isHere && at[3] === n ? 'true' : undefined}>{s.name || s.id || 'no id'}<FindingBadge of={findingsUnder([...path, 'scenarios', n])} /></a></li>
          ))}
        </ul>
      )}
    </li>
  );
}
