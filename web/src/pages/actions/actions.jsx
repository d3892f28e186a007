// actions.jsx - the operator's page: game clock, buttons, what runs, hints, devices, flags, log.

import { useState } from 'preact/hooks';
import { plural } from '../../lib/format.js';
import { Badge, Button, Failed, Head, Loading } from '../../ui/parts.jsx';
import { Buttons } from './buttons.jsx';
import { Clock, Hints, WholeClock } from './clock.jsx';
import { Hold } from './hold.jsx';
import { Knows, Log } from './knows.jsx';
import { Room, command, usePoll, useRoom } from './live.js';
import { Monitors } from './monitors.jsx';
import { Disabled, Prompts, Running } from './running.jsx';

export default function Actions({ params }) {
  const room = useRoom();
  const [again, setAgain] = useState(0);
  const { auto, game } = room;
  const actions = usePoll('/api/automation/actions', 0, [room.plan, again]);
  const log = usePoll('/api/game/log', 0, [game && game.at]).value || [];
  const error = actions.error || room.error;
  if (!room.ready || !actions.value) return <><Head title="Actions" />{error ? <Failed error={error} retry={() => location.reload()} /> : <Loading big lines={12} />}</>;
  const all = { ...room, actions: actions.value };
  if (params.view === 'clock') return <Room.Provider value={all}><h1 class="hid" tabIndex={-1}>Actions</h1><WholeClock /></Room.Provider>;
  const waits = auto.instances.filter((r) => r.state === 'waiting').length;
  return (
    <Room.Provider value={all}>
      <div class={'room ' + (game.paused ? 'frozen' : '')}>
        <Head title="Actions" facts={[auto.instances.length ? `${plural(auto.instances.length, 'scenario')} running` : 'nothing runs', waits > 0 && `${waits} waiting`]}>
          {room.isPolled && room.mayAct && <Badge kind="warn" title="The WebSocket is closed: the page asks every 2 s">polled</Badge>}
          <Hold verb="Stop everything" icon="halt" kind="bad stopall" disabled={!room.mayAct} onDo={() => command('/api/automation/cancel', { all: true })} asks="All scenarios stop, and outputs are made safe. The game clock goes on." />
        </Head>
        {game.paused && (
          <div class="froze" role="status"><b>Paused</b><span>All waits and the clock stand still.</span>
            <Button kind="pri" icon="go" disabled={!room.mayAct} onClick={() => command('/api/game/resume')}>Resume</Button></div>
        )}
        <div class="grid">
          <Disabled />
          <Prompts />
          <div class="col c8 main"><Clock /><Buttons reload={() => setAgain((n) => n + 1)} /></div>
          <div class="col c4 aside"><Running /><Hints log={log} /><Monitors /></div>
          <Knows />
          <Log log={log} />
        </div>
      </div>
    </Room.Provider>
  );
}
