// tile.jsx - what MQTT shows on Home.

import { count } from '../../lib/format.js';
import { useKeys } from '../../lib/store.js';
import { Legend, Loading, Stat, Tile } from '../../ui/parts.jsx';
import { RatePlot, RateStats, dropped, qosShares, retainedText } from './rates.jsx';

function MqttTile({ win }) {
  const { mqtt } = useKeys('mqtt');
  const c = mqtt.counters;
  return (
    <Tile title="MQTT" href="#/mqtt" span={5} order={6} end={<Legend items={[['s2', 'in'], ['s1', 'out']]} />}>
      {!c ? <Loading big lines={6} /> : (
        <>
          <dl class="stats apart">
            <RateStats mqtt={mqtt} />
            <Stat label="Queued" value={count(c.queued_messages)} />
            <Stat label="Dropped" value={count(dropped(c))} tone={dropped(c) ? 'wn' : ''} />
          </dl>
          <RatePlot mqtt={mqtt} from={win.from} to={win.to} height={150} onZoom={win.onZoom} />
          <div class="duo">
            <dl class="kv">
              <dt>Clients</dt><dd>{count(c.clients)}{mqtt.limits && <span class="sub"> of {count(mqtt.limits.clients)}</span>}</dd>
              <dt>Sessions kept</dt><dd>{count(c.sessions)}</dd>
              <dt>Subscriptions</dt><dd>{count(c.subscriptions)}</dd>
            </dl>
            <dl class="kv">
              <dt>Retained</dt><dd>{retainedText(c)}</dd>
              <dt>In flight</dt><dd>{count(c.inflight)}</dd>
              <dt>QoS 0, 1, 2</dt><dd>{qosShares(c.messages_in_qos)}</dd>
            </dl>
          </div>
        </>
      )}
    </Tile>
  );
}

export default [{ order: 60, parts: ['mqtt'], Tile: MqttTile }];
