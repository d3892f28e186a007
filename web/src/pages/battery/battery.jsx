// battery.jsx - the pack: what it is doing, its cells, its past; the board's registers; the line and who else listens.

import { useEffect, useState } from 'preact/hooks';
import { isAdmin } from '../../lib/access.js';
import { get, post } from '../../lib/api.js';
import { batteryCame, useFeed } from '../../lib/hub.js';
import { setParam } from '../../lib/route.js';
import { keep, isOnline, set, useKeys, useTick } from '../../lib/store.js';
import { Badge, Button, Empty, Failed, Head, Loading, Note, Segments, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { Alarms } from './alarms.jsx';
import { Board } from './board.jsx';
import { CellsTile } from './cells_tile.jsx';
import { History } from './history.jsx';
import { Links } from './links.jsx';
import { Pack, Temperatures } from './pack.jsx';
import { Wall } from './wall.jsx';
import { freshText, isOld, SOURCES, statusOf } from './words.js';

const VIEWS = [['pack', 'Pack'], ['board', 'Board'], ['links', 'Links']];
const MODES = [['local', 'Local', 'The board at this hub\u2019s own line'], ['remote', 'Remote', 'A gateway over the network'], ['auto', 'Auto', 'Local while it answers, else remote']];

export default function Battery({ params }) {
  const { battery, link } = useKeys('battery', 'link');
  const [error, setError] = useState(null);
  useFeed('battery');
  const load = () => get('/api/battery').then((b) => { setError(null); batteryCame(b); }, (e) => (e.status === 404 ? none() : setError(e)));
  useEffect(() => {
    if (link.state === 'live') load();
  }, [link.state]);
  if (battery && params.view === 'wall') return <Wall battery={battery} />;
  if (battery === false) return <><Head title="Battery" /><Disabled retry={load} /></>;
  if (!battery) return <><Head title="Battery" />{error ? <Failed error={error} retry={load} /> : <Loading big lines={10} />}</>;
  return <Page battery={battery} view={VIEWS.some((v) => v[0] === params.view) ? params.view : 'pack'} params={params} />;
}

function none() {
  keep('battery', null);
  set('battery', false);
}

function Disabled({ retry }) {
  return (
    <div class="grid">
      <Tile title="Not enabled" span={8}>
        <Empty action={<Button kind="sm" onClick={retry}>Look again</Button>}>This hub has no battery: it runs without one until hub.yaml has these lines and the hub was started again.</Empty>
        <pre class="yaml">{'battery:\n  enabled: true\n  path: /tmp/board'}</pre>
        <p>Without a board, this makes one of 13 cells at that path:</p>
        <pre class="yaml">nuthatch sim battery --link /tmp/board</pre>
        <p class="sub small">With a board the path is that of its serial adapter, such as <code>/dev/ttyUSB0</code>. All settings: docs/configuration.md, sections <code>battery</code>, <code>battery_remote</code>, <code>battery_publish</code>, <code>battery_bridge</code>.</p>
      </Tile>
    </div>
  );
}

function Page({ battery, view, params }) {
  const { pack } = battery;
  const [kind, word] = statusOf(pack);
  const old = isOld(battery, 'voltage');
  return (
    <div class="bat-p">
      <Head title="Battery" facts={[<Badge kind={old ? 'stale' : kind}>{old ? 'stale' : word}</Badge>, <Source />]}>
        <Mode battery={battery} />
        <Segments label="What is shown" options={VIEWS} value={view} onChange={(v) => setParam('view', v === 'pack' ? null : v)} />
        <a class="btn" href="#/battery/wall">Wall view</a>
      </Head>
      <Trouble battery={battery} />
      {view === 'pack' && (
        <div class="grid">
          <Pack battery={battery} />
          <Alarms battery={battery} />
          <CellsTile battery={battery} />
          <Temperatures battery={battery} />
          <History battery={battery} range={params.range} />
        </div>
      )}
      {view === 'board' && <Board battery={battery} group={params.group} />}
      {view === 'links' && <Links battery={battery} />}
    </div>
  );
}

// Ages by itself: the page need not be drawn anew for it.
function Source() {
  const { battery } = useKeys('battery');
  useTick(1000);
  if (!battery) return '';
  const heard = freshText(battery, 'voltage').replace(/^\w+, /, 'heard ');
  return !heard ? 'nothing heard yet' : battery.source === 'store' ? heard : `${SOURCES[battery.source] || battery.source}, ${heard}`;
}

// Why values are old, and what the hub does about it.
function Trouble({ battery: { mode, connected, source, line } }) {
  const live = mode === 'local' ? connected.local : mode === 'remote' ? connected.remote : connected.local || connected.remote;
  if (live) return null;
  const where = { local: `The board at ${line && line.path ? line.path : 'no path'} does not answer`, remote: 'The gateway is not connected', auto: `Neither the board${line && line.path ? ` at ${line.path}` : ''} nor a gateway answers` }[mode];
  const shown = source === 'store' ? 'Shown is what was kept.' : source === 'nobody' ? 'Nothing was heard from it yet.' : 'The last values stay, in grey.';
  return <div class="apart"><Note kind="stale" role="status">{where}. {shown} The hub tries each second and goes on by itself.</Note></div>;
}

function Mode({ battery }) {
  const [wanted, setWanted] = useState(null);
  useKeys('link');
  const choose = (mode) => {
    setWanted(mode);
    post('/api/battery/mode', { mode }).then(() => get('/api/battery')).then(batteryCame, (e) => toast(e.message)).then(() => setWanted(null));
  };
  return <span class={`md ${wanted ? 'waits' : ''}`}><Segments label="Source of the values" options={MODES} value={wanted || battery.mode} disabled={!isOnline() || !isAdmin()} onChange={choose} /></span>;
}
