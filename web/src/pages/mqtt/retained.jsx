// retained.jsx - retained messages: a tree by levels, or a list by page in the order of topics.

import { useEffect, useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { count, sizeText } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { setParam } from '../../lib/route.js';
import { justBefore } from '../../lib/topic.js';
import { Confirm } from '../../ui/dialog.jsx';
import { Button, Loaded, Segments, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { Levels } from './tree.jsx';

const PAGE = 50;
const PAYLOAD_MAX_BYTES = 128; // the hub sends no more of a payload

export function Retained({ c, limits, topic, view, fill }) {
  const start = topic ? justBefore(topic) : '';
  const [pages, setPages] = useState([start]); // what each page so far comes after
  const [begin, setBegin] = useState('');
  const [ask, setAsk] = useState(null);
  const after = pages[pages.length - 1];
  const [first] = useState(topic); // an address that names a topic begins with the list
  const asList = (view || (first ? 'list' : 'tree')) === 'list';
  const list = useResource(asList ? `/api/mqtt/retained?after=${encodeURIComponent(after)}&count=${PAGE}` : null, [c.retained_changes]);
  const chosen = list.value && list.value.messages.find((m) => m.topic === topic);
  useEffect(() => {
    if (topic && list.value && !chosen) setPages([justBefore(topic)]);
  }, [topic]);
  const clear = async (m) => {
    const send = (payload) => post('/api/mqtt/publish', { topic: m.topic, payload, qos: m.qos, retain: true }).then(list.reload, (e) => toast(e.message));
    await send('');
    toast(`Retained message of ${m.topic} cleared.`, whole(m) ? () => send(m.payload) : null);
  };
  const end = (
    <>
      <span>{count(c.retained)}, {sizeText(c.retained_bytes)}{limits && ` of ${sizeText(limits.retained_bytes)}`}</span>
      {asList && <Button kind="ic sm" icon="prev" aria-label="Earlier topics" disabled={pages.length < 2} onClick={() => setPages(pages.slice(0, -1))} />}
      {asList && <Button kind="ic sm" icon="next" aria-label="More topics" disabled={!list.value || !list.value.next} onClick={() => setPages([...pages, list.value.next])} />}
      <Segments label="Retained as" options={[['tree', 'Tree'], ['list', 'List']]} value={asList ? 'list' : 'tree'} onChange={(v) => setParam('view', v)} />
    </>
  );
  const seek = (e) => {
    setBegin(e.target.value);
    setPages([e.target.value ? justBefore(e.target.value) : '']);
  };
  const row = (m, label) => <Row key={m.topic} m={m} label={label} open={m.topic === topic} fill={fill} clear={() => (whole(m) ? clear(m) : setAsk(m))} />;
  return (
    <Tile title="Retained" span={6} end={end} class="retained">
      {asList && <input class="in mono" type="search" aria-label="Topics from" placeholder="Topics from" value={begin} onInput={seek} />}
      {asList ? <Loaded of={list} lines={8}>
        {(v) => (
          <ul class="topics" aria-label="Retained messages">
            {v.messages.map((m) => row(m, m.topic))}
            {!v.messages.length && <li class="sub">{c.retained ? 'No topic from here on.' : 'Nothing is retained yet.'}</li>}
          </ul>
        )}
      </Loaded> : <Levels parent={null} row={row} version={[c.retained_changes]} empty="Nothing is retained yet." />}
      {ask && (
        <Confirm title={`Clear ${ask.topic}?`} verb="Clear" onDo={() => clear(ask)} onClose={() => setAsk(null)}>
          {ask.has_properties ? 'Its properties' : `Its ${count(ask.bytes)} bytes`} are not all known here, so this cannot be undone.
        </Confirm>
      )}
    </Tile>
  );
}

// What is known here of a message is all of it.
const whole = (m) => m.payload != null && m.bytes <= PAYLOAD_MAX_BYTES && !m.has_properties;
const hexText = (hex) => (hex || '').replace(/../g, '$& ').trim();

function Row({ m, label, open, fill, clear }) {
  const text = m.payload != null ? m.payload : hexText(m.hex);
  return (
    <li class={open ? 'on' : ''}>
      <button type="button" class="topic" aria-expanded={open} onClick={() => setParam('topic', open ? null : m.topic)}>
        <code title={m.topic}>{label}</code><code class="sub">{text}</code><span class="sub">{sizeText(m.bytes)}</span>
      </button>
      {open && (
        <div class="open">
          <pre>{text}{m.bytes > (m.payload != null ? PAYLOAD_MAX_BYTES : 64) ? '\u2026' : ''}</pre>
          <div class="row">
            <span class="small sub">QoS {m.qos}, {count(m.bytes)} bytes{m.payload == null ? ', not text: shown as hex' : ''}{m.has_properties && ', has properties'}</span>
            <Button kind="sm" disabled={!whole(m)} onClick={() => fill({ topic: m.topic, payload: m.payload, qos: m.qos, retain: true })}>Edit and publish</Button>
            <Button kind="sm" online onClick={clear}>Clear</Button>
          </div>
        </div>
      )}
    </li>
  );
}
