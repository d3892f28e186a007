// publish.jsx - publishes one message through the hub.

import { useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { clock, count, utf8Bytes } from '../../lib/format.js';
import { hubNow, isOnline } from '../../lib/store.js';
import { Field, Segments, Switch, Tile, findingOf } from '../../ui/parts.jsx';

const TOPIC_MAX_BYTES = 65535;

// What is wrong with a publish topic, or null.
export function topicFinding(topic) {
  const at = topic.search(/[+#]/);
  if (at >= 0) return `A publish topic takes no wildcard: "${topic[at]}" at position ${at + 1}.`;
  if (topic.startsWith('$')) return 'Topics that begin with "$" belong to the hub.';
  const bytes = utf8Bytes(topic);
  return bytes > TOPIC_MAX_BYTES ? `Topic has ${count(bytes)} bytes, limit ${count(TOPIC_MAX_BYTES)}.` : null;
}

// The properties that were given: a line "name: value" each of the user's own.
function properties({ type, reply, expiry, user }) {
  const own = user.split('\n').filter((l) => l.trim()).map((l) => /^([^:]*):?\s*(.*)$/.exec(l)).map(([, name, value]) => ({ name: name.trim(), value }));
  return { ...(type && { content_type: type }), ...(reply && { response_topic: reply }), ...(expiry && { expiry_s: +expiry }), ...(own.length && { user_properties: own }) };
}

const NONE = { type: '', reply: '', expiry: '', user: '' };

export function Publish({ limits, form }) {
  const [m, setM] = useState({ topic: '', payload: '', qos: 0, retain: false });
  const [p, setP] = useState(null); // the properties; null: not shown, none
  const [refusal, setRefusal] = useState(null);
  const [sent, setSent] = useState(null);
  const edit = (change) => {
    setM((old) => ({ ...old, ...change }));
    setRefusal(null);
  };
  form.fill = (message) => {
    edit(message);
    document.getElementById('pub-payload').focus();
  };
  const max = (limits && limits.publish_form_bytes) || 2048;
  const bytes = utf8Bytes(m.payload);
  const told = (field) => refusal && refusal.field === field && refusal.text;
  const topic = (m.topic && topicFinding(m.topic)) || told('/topic');
  const payload = bytes > max ? `Payload has ${count(bytes)} bytes, limit ${count(max)}.` : told('/payload');
  const expiry = p && !/^\d{0,9}$/.test(p.expiry) && 'A whole number of seconds.';
  const why = !isOnline() ? 'No connection to the hub.' : !m.topic ? 'A message needs a topic.' : '';
  const off = !!(why || topic || expiry || bytes > max);
  const submit = async (e) => {
    e.preventDefault();
    if (off) return;
    try {
      await post('/api/mqtt/publish', { ...m, ...(p && properties(p)) });
      setSent(hubNow());
      setRefusal(null);
    } catch (error) {
      const [d = {}] = error.details;
      setRefusal({ field: d.field, text: d.text || error.message });
    }
  };
  const text = (key, label, limit, finding, props) => (
    <Field id={'pub-' + key} label={label} limit={limit} finding={finding}>
      <input id={'pub-' + key} class="in mono" autocomplete="off" spellcheck={false} {...props} {...findingOf('pub-' + key, finding)} />
    </Field>
  );
  const prop = (key, label, limit, finding) => text(key, label, limit, finding, { value: p[key], onInput: (e) => setProp(key, e) });
  const setProp = (key, e) => {
    setP({ ...p, [key]: e.target.value });
    setRefusal(null);
  };
  const other = refusal && !['/topic', '/payload'].includes(refusal.field) && refusal.text;
  return (
    <Tile title="Publish" span={4}>
      <form onSubmit={submit}>
        {text('topic', 'Topic', null, topic, { value: m.topic, onInput: (e) => edit({ topic: e.target.value }) })}
        <Field id="pub-payload" label="Payload" limit={`${count(bytes)} of ${count(max)} bytes`} finding={payload}>
          <textarea id="pub-payload" class="in mono" rows={3} spellcheck={false} value={m.payload} onInput={(e) => edit({ payload: e.target.value })} {...findingOf('pub-payload', payload)} />
        </Field>
        {p && (
          <>
            {prop('type', 'Content type')}
            {prop('reply', 'Response topic')}
            {prop('expiry', 'Expires after', 's', expiry)}
            <Field id="pub-user" label="User properties" limit="name: value, a line each">
              <textarea id="pub-user" class="in mono" rows={2} spellcheck={false} value={p.user} onInput={(e) => setProp('user', e)} />
            </Field>
          </>
        )}
        <div class="row pub">
          <div class="f"><span class="lab">QoS</span><Segments label="QoS" options={[[0, '0'], [1, '1'], [2, '2']]} value={m.qos} onChange={(qos) => edit({ qos })} /></div>
          <div class="f"><span class="lab">Retain</span><span class="sw-row"><Switch label="Retain" on={m.retain} onChange={(retain) => edit({ retain })} /></span></div>
          <div class="f"><span class="lab">Properties</span><span class="sw-row"><Switch label="Properties" on={!!p} onChange={(on) => setP(on ? NONE : null)} /></span></div>
          <button type="submit" class="btn pri" disabled={off} aria-describedby="pub-why">Publish</button>
        </div>
        {other && <div class="find" role="alert"><span>{other}</span></div>}
        <p class="small sub" id="pub-why" role="status">{why || (sent ? `Published ${clock(sent)}.` : '\u00a0')}</p>
      </form>
    </Tile>
  );
}
