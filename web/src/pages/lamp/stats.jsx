// stats.jsx - the render task, the queue and the output in figures.

import { count, fixed } from '../../lib/format.js';
import { Badge, Tile } from '../../ui/parts.jsx';
import { ms } from './words.js';

export function Statistics({ info, seq }) {
  const faults = info.show_failures + info.queue_full;
  const warn = (n) => <span class={n ? 'wn' : ''}>{count(n)}</span>;
  return (
    <Tile title="Statistics" end={faults ? <Badge kind="warn">{count(faults)} failed</Badge> : <Badge kind="ok">nothing failed</Badge>}>
      <div class="duo">
        <dl class="kv">
          <dt>Frames</dt><dd>{fixed(info.fps, 1)} <span class="sub">of {count(info.fps_wanted)} fps</span></dd>
          <dt>Render</dt><dd>{ms(info.render_us)}</dd>
          <dt>Overlay</dt><dd>{ms(info.overlay_us)}</dd>
          <dt>Show</dt><dd>{ms(info.show_us)}</dd>
          <dt>Jitter, mean</dt><dd>{ms(info.jitter_us)}</dd>
          <dt>Jitter, worst</dt><dd>{ms(info.jitter_max_us)}</dd>
        </dl>
        <dl class="kv">
          <dt>Shown</dt><dd>{count(info.frames)}</dd>
          <dt>Late</dt><dd>{warn(info.late)} <span class="sub">left out</span> {warn(info.dropped)}</dd>
          <dt>Failed</dt><dd>{warn(info.show_failures)}</dd>
          <dt>Output</dt><dd>{info.output}</dd>
          <dt>Commands</dt><dd>{count(seq)}</dd>
          <dt>Queue</dt><dd>{count(info.queue_depth)} <span class="sub">most {count(info.queue_depth_max)} of {count(info.queue_max)}</span></dd>
        </dl>
      </div>
    </Tile>
  );
}
