// self.jsx - a hub that updates itself: an image goes up, its slots, the way back.

import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, post } from '../../lib/api.js';
import { sizeText } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { Confirm } from '../../ui/dialog.jsx';
import { Badge, Button, Field, Loaded, Note, Tile } from '../../ui/parts.jsx';
import { Table, num } from '../../ui/table.jsx';

// fetch() tells nothing of how far it is.
export function upload(path, file, onProgress) {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open('POST', path);
    x.setRequestHeader('content-type', 'application/octet-stream');
    x.responseType = 'json';
    x.upload.onprogress = (e) => onProgress(e.loaded, e.total);
    x.onload = () => (x.status < 300 ? resolve(x.response) : reject(new ApiError(x.status, (x.response && x.response.error) || {})));
    x.onerror = () => reject(new ApiError(0, { code: 'offline', message: 'The connection broke. The hub runs as before.' }));
    x.send(file);
  });
}

export function Self() {
  const ota = useResource('/api/ota');
  // A version that has to prove itself does so within seconds.
  const pending = ota.value && ota.value.is_pending;
  useEffect(() => {
    const timer = pending && setInterval(ota.reload, 2000);
    return () => clearInterval(timer);
  }, [pending]);
  return <Loaded of={ota} lines={8} big>{(o) => <><Send o={o} done={ota.reload} /><Slots o={o} /></>}</Loaded>;
}

function Send({ o, done }) {
  const [file, setFile] = useState(null);
  const [sent, setSent] = useState(null); // {at, of}; null: nothing is under way
  const [told, setTold] = useState(null);
  const [asks, setAsks] = useState(false);
  const input = useRef();
  const act = async (what, text) => {
    setTold(null);
    try {
      const reply = await what();
      setTold({ kind: 'ok', text: text(reply) });
    } catch (e) {
      const d = e.details && e.details[0];
      setTold({ kind: 'bad', text: d ? `${e.message} ${d.field} is ${d.value}, limit ${d.limit}.` : e.message });
    }
    setSent(null);
    done();
  };
  const send = () => {
    setSent({ at: 0, of: file.size });
    act(() => upload('/api/ota', file, (at, of) => setSent({ at, of })), (r) => `Version ${r.version} is in slot ${r.slot}. The hub restarts into it.`);
  };
  const back = () => act(() => post('/api/ota/back'), () => 'The hub restarts into the version before.');
  const isLarge = file && file.size > o.image_max_bytes + 256;
  return (
    <Tile title="From here" span={6} end={o.is_pending ? <Badge kind="warn">to be confirmed</Badge> : <Badge kind="ok">ready</Badge>}>
      <p class="sub">
        An image signed with the hub's key is written to the slot that does not run, checked, and started. If it does not run well, the version
        before comes back by itself.
      </p>
      {o.taken_back && <Note kind="warn">Version {o.taken_back} was taken back.</Note>}
      <Field id="ota-image" label="Image" limit={`at most ${sizeText(o.image_max_bytes)}, made by nuthatch ota sign`} finding={isLarge ? { text: `${file.name} has ${sizeText(file.size)}.` } : null}>
        <input id="ota-image" ref={input} type="file" disabled={Boolean(sent)} onChange={(e) => { setFile(e.target.files[0] || null); setTold(null); }} />
      </Field>
      {sent && (
        <p class="row">
          <progress aria-label="Upload" value={sent.at} max={sent.of} />
          <span>{sizeText(sent.at)} of {sizeText(sent.of)}</span>
        </p>
      )}
      {told && <Note kind={told.kind} role="status">{told.text}</Note>}
      <div class="row after">
        <Button kind="pri" online disabled={!file || isLarge || sent || o.is_pending} onClick={send}>Update</Button>
        <Button online disabled={!o.has_way_back || Boolean(sent)} onClick={() => setAsks(true)}>Back to the version before</Button>
      </div>
      {asks && (
        <Confirm title="Back to the version before?" verb="Go back" onDo={back} onClose={() => setAsks(false)}>
          The hub restarts. Configuration and data stay as they are.
        </Confirm>
      )}
    </Tile>
  );
}

function Slots({ o }) {
  const columns = [
    { label: 'Slot', class: 'name', cell: (s) => s.name, sort: (s) => s.name },
    { label: 'Version', cell: (s) => (s.version ? <code>{s.version}</code> : '') },
    { label: 'State', cell: (s) => <Badge kind={s.state.startsWith('running') ? 'ok' : ''}>{s.state}</Badge> },
    num('Size', (s) => s.size_bytes || 0, (n) => (n ? sizeText(n) : '')),
  ];
  return (
    <Tile title="Slots" span={6} end={`for ${o.target}`}>
      <Table label="Slots" columns={columns} rows={o.slots} rowKey={(s) => s.name} />
      <p class="sub small after">"program" is what was installed; it is never overwritten, and chooses at each start.</p>
    </Tile>
  );
}
