// The ratios of UI.md section 3, computed from the CSS file (WCAG 2 relative luminance).

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const css = readFileSync(new URL('../src/app.css', import.meta.url), 'utf8');

// Custom properties with a hex value in every rule whose selector list has `selector`.
function tokens(selector) {
  const out = {};
  for (const [, selectors, body] of css.matchAll(/([^{}]+)\{([^{}]*)\}/g)) {
    const names = selectors.replace(/\/\*[\s\S]*?\*\//g, '').split(',').map((s) => s.trim());
    if (!names.includes(selector)) continue;
    for (const [, name, value] of body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{3,6})\b/g)) out[name] = value;
  }
  return out;
}

function luminance(hex) {
  const full = hex.length === 4 ? hex.replace(/[0-9a-f]/g, '$&$&') : hex;
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(full.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(a, b) {
  const [hi, lo] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (hi + 0.05) / (lo + 0.05);
}

const light = tokens(':root');
const dark = { ...light, ...tokens(':root[data-theme=dark]') };
const band = { ...dark, ...tokens('.band') };

test('black on white is 21, the same on the same is 1', () => {
  assert.equal(ratio('#000', '#ffffff'), 21);
  assert.equal(ratio('#abc', '#aabbcc'), 1);
});

for (const [name, t] of [['light', light], ['dark', dark]]) {
  const least = (fore, back, want) => {
    assert.ok(t[fore] && t[back], `${fore} and ${back} are in the CSS`);
    const r = ratio(t[fore], t[back]);
    assert.ok(r >= want, `${name}: ${fore} on ${back} has ${r.toFixed(2)}, limit ${want}`);
  };
  test(`${name}: text at least 4.5:1`, () => {
    for (const ink of ['ink', 'ink-2', 'ink-3', 'accent', 'rust', 'ok', 'warn', 'bad']) {
      for (const back of ['bg', 'surface']) least(ink, back, 4.5);
    }
    for (const ink of ['ink', 'ink-2', 'ink-3']) for (const back of ['sunken', 'accent-soft']) least(ink, back, 4.5);
    for (const own of ['accent', 'rust', 'ok', 'warn', 'bad']) least(own, `${own}-soft`, 4.5);
    least('warn', 'accent-soft', 4.5);
    least('on-accent', 'accent', 4.5);
    least('surface', 'ink', 4.5);
  });
  test(`${name}: borders of fields and series at least 3:1`, () => {
    for (const back of ['surface', 'sunken']) least('field', back, 3);
    for (const k of ['s1', 's2', 's3', 's4', 's5', 's6', 'rust', 'bad']) least(k, 'surface', 3);
  });
}

test('band: text on its black at least 4.5:1, segments and marks 3:1', () => {
  for (const ink of ['ink', 'ink-2', 'ink-3', 'ok', 'rust']) assert.ok(ratio(band[ink], band.band) >= 4.5, ink);
  for (const k of ['s1', 's2', 's3', 's4', 's5', 's6', 'rust']) assert.ok(ratio(band[k], band.band) >= 3, k);
});

test('the tokens are those of the design', () => {
  assert.equal(light.bg, '#edf0f2');
  assert.equal(light['ink-3'], '#5a6874');
  assert.equal(dark.surface, '#151d25');
  assert.equal(band.band, '#0b1117');
  assert.equal(ratio(light['ink-3'], light['accent-soft']).toFixed(2), '4.56');
});
