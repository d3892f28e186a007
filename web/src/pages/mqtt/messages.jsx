// messages.jsx - what passes through the broker now, only while watched.

import { useState } from 'preact/hooks';
import { clock, count, sizeText } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { set, useKeys } from '../../lib/store.js';
import { LiveList } from '../../ui/live.jsx';
import { Badge, Switch, Tile } from '../../ui/parts.jsx';

export function Messages() {
  const { messages } = useKeys('messages');
  const [watch, setWatch] = useState(false);
  const [filter, setFilter] = useState('');
  useFeed(watch && 'messages');
  const items = messages.messages.filter((m) => m.topic.includes(filter));
  const toggle = (on) => {
    if (on) set('messages', { messages: [], missed: 0 });
    setWatch(on);
  };
  const end = (
    <>
      {messages.missed > 0 && <span>{count(messages.missed)} not shown</span>}
      <label class="row" for="watch">Watch<Switch id="watch" label="Watch messages" on={watch} onChange={toggle} /></label>
    </>
  );
  return (
    <Tile title="Live messages" span={6} end={end} class="messages">
      <input class="in mono" type="search" aria-label="Topic contains" placeholder="Topic contains" value={filter} onInput={(e) => setFilter(e.target.value)} />
      <LiveList items={items} label="Live messages" row={(m) => <Message m={m} />}
        empty={!watch ? 'Not watched. While watched, the hub sends the newest messages.' : filter ? 'No message has this topic yet.' : 'No message has passed yet.'} />
    </Tile>
  );
}

const Message = ({ m }) => (
  <>
    <time>{clock(m.unix_ms)}</time>
    <code class="cut" title={m.topic}>{m.topic}</code>
    <code class="cut sub">{m.payload != null ? m.payload : 'not text'}</code>
    <span class="meta">{m.retain && <Badge>retain</Badge>}<span class="sub">QoS {m.qos}, {sizeText(m.bytes)}</span></span>
  </>
);
