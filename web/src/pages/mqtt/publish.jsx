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

export function Publish({ limits, form }) {
  const [m, setM] = useState({ topic: '', payload: '', qos: 0, retain: false });
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
  const max = limits ? limits.packet_bytes : 65536;
  const bytes = utf8Bytes(m.payload);
  const topic = (m.topic && topicFinding(m.topic)) || (refusal && refusal.field === '/topic' && refusal.text);
  const payload = bytes > max ? `Payload has ${count(bytes)} bytes, limit ${count(max)}.` : refusal && refusal.field !== '/topic' && refusal.text;
  const why = !isOnline() ? 'No connection to the hub.' : !m.topic ? 'A message needs a topic.' : '';
  const off = !!(why || topic || bytes > max);
  const submit = async (e) => {
    e.preventDefault();
    if (off) return;
    try {
      await post('/api/mqtt/publish', m);
      setSent(hubNow());
      setRefusal(null);
    } catch (error) {
      setRefusal({ field: (error.details[0] || {}).field, text: (error.details[0] || {}).text || error.message });
    }
  };
  return (
    <Tile title="Publish">
      <form onSubmit={submit}>
        <Field id="pub-topic" label="Topic" finding={topic}>
          <input id="pub-topic" class="in mono" autocomplete="off" spellcheck={false} value={m.topic} onInput={(e) => edit({ topic: e.target.value })} {...findingOf('pub-topic', topic)} />
        </Field>
        <Field id="pub-payload" label="Payload" limit={`${count(bytes)} of ${count(max)} bytes`} finding={payload}>
          <textarea id="pub-payload" class="in mono" rows={3} spellcheck={false} value={m.payload} onInput={(e) => edit({ payload: e.target.value })} {...findingOf('pub-payload', payload)} />
        </Field>
        <div class="row pub">
          <div class="f"><span class="lab">QoS</span><Segments label="QoS" options={[[0, '0'], [1, '1'], [2, '2']]} value={m.qos} onChange={(qos) => edit({ qos })} /></div>
          <div class="f"><span class="lab">Retain</span><span class="sw-row"><Switch label="Retain" on={m.retain} onChange={(retain) => edit({ retain })} /></span></div>
          <button type="submit" class="btn pri" disabled={off} aria-describedby="pub-why">Publish</button>
        </div>
        <p class="small sub" id="pub-why" role="status">{why || (sent ? `Published ${clock(sent)}.` : '\u00a0')}</p>
      </form>
    </Tile>
  );
}
