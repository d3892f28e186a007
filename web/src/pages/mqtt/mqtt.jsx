// mqtt.jsx - the MQTT page: rates, publish, clients, bridges, counters, retained and live messages.

import { useRef } from 'preact/hooks';
import { count, plural } from '../../lib/format.js';
import { useFeed } from '../../lib/hub.js';
import { useKeys } from '../../lib/store.js';
import { Head, Legend, Loading, Segments, Stat, Tile } from '../../ui/parts.jsx';
import { useWindow } from '../../ui/window.js';
import { Bridges, Broker, Counters, StoreNote } from './broker.jsx';
import { Client, Clients } from './clients.jsx';
import { Messages } from './messages.jsx';
import { Publish } from './publish.jsx';
import { RatePlot, RateStats, dropped } from './rates.jsx';
import { Retained } from './retained.jsx';

export default function Mqtt({ params }) {
  const { mqtt } = useKeys('mqtt');
  useFeed('mqtt');
  const win = useWindow(['5m', '30m'], [], '5m');
  const form = useRef({ fill: () => {} });
  const c = mqtt.counters;
  if (!c) return <><Head title="MQTT" /><Loading big lines={12} /></>;
  const facts = [mqtt.listener, `${plural(c.clients, 'client')}${mqtt.limits ? ` of ${count(mqtt.limits.clients)}` : ''}`, `${count(c.connects_total)} connects since start`];
  const denied = c.publish_denied + c.subscribe_denied;
  return (
    <>
      <Head title="MQTT" facts={facts}>
        <Segments label="Span of the plot" options={win.options} value={win.span} onChange={win.choose} />
      </Head>
      <div class="grid">
        <StoreNote c={c} />
        <article class="tile c12">
          <dl class="stats wide">
            <RateStats mqtt={mqtt} />
            <Stat big label="Clients" value={count(c.clients)} />
            <Stat big label="Away" value={count(c.sessions - c.clients)} />
            <Stat big label="Subscriptions" value={count(c.subscriptions)} />
            <Stat big label="Retained" value={count(c.retained)} />
            <Stat big label="In flight" value={count(c.inflight)} />
            <Stat big label="Queued" value={count(c.queued_messages)} />
            <Stat big label="Dropped" value={count(dropped(c))} tone={dropped(c) ? 'wn' : ''} />
            <Stat big label="Denied" value={count(denied)} tone={denied ? 'wn' : ''} />
          </dl>
        </article>
        <Tile title="Messages a second" span={8} end={<Legend items={[['s2', 'in'], ['s1', 'out']]} />}>
          <RatePlot mqtt={mqtt} from={win.from} to={win.to} height={220} onZoom={win.onZoom} />
        </Tile>
        <Publish limits={mqtt.limits} form={form.current} />
        <Clients ever={c.connects_total > 0} chosen={params.client} />
        {params.client && <Client key={params.client} id={params.client} />}
        <Bridges />
        <Counters c={c} r={mqtt.rates} />
        <div class="col c4 fill"><Broker c={c} /></div>
        <Retained c={c} limits={mqtt.limits} topic={params.topic} view={params.view} fill={(m) => form.current.fill(m)} />
        <Messages />
      </div>
    </>
  );
}
