// updates.jsx - which version runs, where it lies, and which ran before; what can be updated from here.

import { clock, count, date, plural, sizeText } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { useKeys } from '../../lib/store.js';
import { Badge, Head, Loaded, Note, Stat, Tile } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';
import { Self } from './self.jsx';

export default function Updates() {
  const { info } = useKeys('info');
  const firmware = useResource('/api/firmware');
  const status = useResource('/api/firmware/update/status');
  return (
    <>
      <Head title="Updates" facts={info ? [`version ${info.version}`, `profile ${info.board ? info.board.name : info.board_name}`] : []} />
      <Loaded of={firmware} lines={8} big>{(f) => <Body f={f} info={info} status={status.value} />}</Loaded>
    </>
  );
}

function Body({ f, info, status }) {
  const busy = status && status.in_progress;
  const slots = [
    { label: 'Slot', class: 'name', cell: (s) => s.name, sort: (s) => s.name },
    { label: 'Version', cell: (s) => <code>{s.version}</code> },
    { label: 'State', cell: (s) => <Badge kind={s.state === 'running' ? 'ok' : ''}>{s.state}</Badge> },
    num('Size', (s) => s.size_bytes, sizeText),
  ];
  const newest = [...f.history].reverse();
  const history = [
    { label: 'Version', class: 'name', cell: (v) => <code>{v.version}</code> },
    { label: 'First started', r: true, cell: (v) => `${date(v.unix_ms)}, ${clock(v.unix_ms)}` },
  ];
  return (
    <div class="grid">
      <Tile title="Running" span={6} end={f.can_update ? <Badge kind="ok">can be updated from here</Badge> : <Badge>updated by its host</Badge>}>
        <dl class="stats wide">
          <Stat big label="Version" value={f.version} />
          <Stat label="Built" value={info ? info.build_date : ''} unit={info ? info.build_time : ''} />
          <Stat label="Program" value={info ? sizeText(info.sketch_size).split(' ')[0] : ''} unit={info ? sizeText(info.sketch_size).split(' ')[1] : ''} />
        </dl>
        {busy && <p>{status.state}: {count(status.progress)} of {count(status.total)} bytes.</p>}
        {status && status.error && <Note>{status.error}</Note>}
      </Tile>
      {f.can_update ? <Self /> : (
        <>
          <Tile title="From here" span={6}>
            <p>{f.reason}</p>
            <p class="sub after">Put the new program in its place and restart the hub. Configuration, macros, icons and what the broker keeps lie in the data folder and stay. Clients of the older firmware that send a file to <code>/api/update</code> are told the same; nothing is written.</p>
          </Tile>
          <Tile title="Slots" span={6} end={plural(f.slots.length, 'slot')}>
            <Table label="Slots" columns={slots} rows={f.slots} rowKey={(s) => s.name} />
            <p class="sub small after">A program of a host has one place. With <code>ota.enabled</code> in hub.yaml the hub updates itself: two slots, and a way back.</p>
          </Tile>
        </>
      )}
      <Tile title="History" span={6} end="of this data folder, the last 8">
        <Table label="Versions that ran" columns={history} rows={newest} rowKey={(v) => v.version + v.unix_ms} empty="No version was noted yet." />
      </Tile>
    </div>
  );
}
