// The Memory page against the real hub: scenarios played from the page, and runs read from files.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, openPage } from './browser.mjs';
import { SIZES } from './checks.mjs';
import { hasRealHub, startRealHub } from './hub.mjs';

const skip = !hasRealHub() ? 'no hub: build/release/nuthatch is not there' : process.env.NH_HUB_URL ? 'NH_HUB_URL is a hub of somebody' : false;
const folder = mkdtempSync(join(tmpdir(), 'nuthatch-memory-'));
let browser;
let hub;

// Two runs as the harness leaves them; the later one went lower.
function writeRuns() {
  const line = (tag, day, s, hin) => JSON.stringify({ ts: `2026-11-${day}T10:00:${s}.000000+00:00`, tag, hf: 190000, hm: hin, hl: 140000, hi: 190000, hin, frag: 26, pf: 7000000, pm: 6900000, pl: 6800000 });
  for (const [day, low] of [['28', 140000], ['29', 98304]]) {
    const run = join(folder, 'runs', `202611${day}_100000_s4`);
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'mem.jsonl'), [line('boot', day, '01', 150000), line('http_macros_post_parsed', day, '05', low), line('hb', day, '09', low)].join('\n') + '\n');
    writeFileSync(join(run, 'summary.json'), JSON.stringify({ scenario_title: 'S4 Macros', firmware_version: '1.5.0', start_ts: `2026-11-${day}T10:00:00+00:00`, end_ts: `2026-11-${day}T10:00:10+00:00`, derived: {} }));
  }
}

before(async () => {
  if (skip) return;
  const config = join(folder, 'hub.yaml');
  writeFileSync(config, 'health: {heartbeat_ms: 1000}\n');
  writeRuns();
  browser = await launch();
  hub = await startRealHub(['--config', config]);
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  if (skip) return;
  await browser.close();
  await hub.stop();
});

test('the scenarios run from the page, are marked in the plot and judged; the next run is compared', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/memory');
  const table = page.getByRole('table', { name: 'Scenarios of the harness' });
  const row = (name) => table.getByRole('row', { name });
  await row(/^S4/).getByText('not run').waitFor();
  await page.getByRole('button', { name: 'Run S1 to S6' }).click();
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  await page.getByRole('button', { name: 'Run S1 to S6' }).waitFor({ timeout: 120000 });
  for (const id of ['S1', 'S2', 'S4', 'S5', 'S6']) await row(new RegExp('^' + id)).getByText('pass').waitFor();
  for (const tag of ['s1_begin', 's4_begin', 's6_end']) await page.locator('.snap code', { hasText: tag }).first().waitFor();
  await page.getByRole('button', { name: 'Run S4 Macros' }).click();
  await page.getByRole('button', { name: 'Run S1 to S6' }).waitFor({ timeout: 60000 });
  assert.match(await row(/^S4/).locator('td').nth(2).innerText(), /^([+\u2212]?\d+\.\d)$/, 'against the run before');
  await page.getByRole('button', { name: 'Run S1 At rest' }).click();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: 'Run S1 to S6' }).waitFor();
  assert.deepEqual(faults, []);
  await close();
});

test('runs are read from a folder, judged, plotted and compared', { skip }, async () => {
  const { page, faults, close } = await openPage(browser, hub.url + '/#/memory');
  await page.getByRole('radio', { name: 'Recorded' }).click();
  await page.getByText('A run of the harness is a folder').waitFor();
  await page.getByLabel('Folder of a run').setInputFiles(join(folder, 'runs'));
  const runs = page.getByRole('table', { name: 'Runs' });
  await runs.getByText('failed').waitFor();
  await runs.getByText('pass').waitFor();
  await page.getByText('Low water 96.0 KiB, limit 100.').waitFor();
  await page.locator('main canvas').first().waitFor();
  const changed = page.getByRole('table', { name: 'What changed, by tag' });
  assert.match(await changed.getByRole('row', { name: /http_macros_post_parsed/ }).innerText(), /\u221240\.7/);
  await page.locator('.snap code', { hasText: 'http_macros_post_parsed' }).waitFor();
  await page.getByLabel('Files of a run').setInputFiles(join(folder, 'runs', '20261128_100000_s4', 'summary.json'));
  await page.getByText('files has no mem.jsonl with snapshots.').waitFor();
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px`);
  }
  assert.deepEqual(faults, []);
  await close();
});
