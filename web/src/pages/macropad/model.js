// model.js - the macro pad's document: what a button may be, and what is wrong with one. Pure.

import { utf8Bytes } from '../../lib/format.js';

export const SCREENS = 8;
export const SLOTS = 16;

export const TEMPLATES = {
  round_ring_9: { name: 'Ring', slots: 9 },
  round_pie_8: { name: 'Pie', slots: 9 },
  round_stack_sides_5: { name: 'Stack', slots: 5 },
  round_wide_sides_3: { name: 'Wide', slots: 3 },
  round_split_sides_4: { name: 'Split', slots: 4 },
};
export const templateOf = (screen) => (TEMPLATES[screen.template] ? screen.template : 'round_ring_9');
export const slotsOf = (screen) => TEMPLATES[templateOf(screen)].slots;

// Each action: its name, what stands in its payload, and a word for a button without a label.
export const ACTIONS = {
  none: { name: 'Nothing' },
  send_keys: { name: 'Type keys', payload: 'Key script' },
  mqtt_send: { name: 'Publish a message', payload: 'Message', word: 'MQTT' },
  run_scenario: { name: 'Run a scenario', payload: 'Scenario', word: 'Run' },
  lamp_effect: { name: 'Set a lamp effect', payload: 'Effect', word: 'Run' },
  nav_to: { name: 'Go to a screen', payload: 'Screen', word: 'Go' },
  nav_prev: { name: 'Previous screen', word: 'Prev' },
  nav_next: { name: 'Next screen', word: 'Next' },
  go_back: { name: 'Back to the last screen', word: 'Back' },
};

const NO_ICON = { type: 'none', id: '', display: '' };
export const blank = () => ({ label: '', action: 'none', payload: '', mqtt_topic: '', icon: NO_ICON });
const COLOURS = ['button_bg', 'icon_color', 'label_color'];
export const DEFAULTS = { screen_bg: 0x000000, button_bg: 0x1e1e1e, icon_color: 0xffffff, label_color: 0xffffff };

// The pad keeps no icon of a button without an action.
export const hasIcon = (b) => b.action !== 'none' && b.icon.type !== 'none' && !!b.icon.id;
export const isUsed = (b) => b.action !== 'none' || !!b.label;
export const isEmpty = (screen) => !screen.buttons.some(isUsed);

const text = (v) => (typeof v === 'string' ? v : '');
const colour = (v) => (Number.isFinite(v) ? v & 0xffffff : undefined);

// A button as a document has it, with every member that this page edits.
function readButton(b) {
  const icon = b.icon || {};
  const out = { ...blank(), label: text(b.label), action: ACTIONS[text(b.action).toLowerCase()] ? b.action.toLowerCase() : 'none', payload: text(b.payload), mqtt_topic: text(b.mqtt_topic) };
  if (['builtin', 'emoji', 'asset'].includes(icon.type) && icon.id) out.icon = { type: icon.type, id: text(icon.id), display: text(icon.display) };
  for (const c of COLOURS) if (colour(b[c]) !== undefined) out[c] = colour(b[c]);
  return out;
}

// {defaults, screens} of a document; a finding as text when it is none.
export function readDocument(doc) {
  if (!doc || !Array.isArray(doc.screens)) return 'This is no macro pad document: "screens" is missing.';
  if (doc.screens.length !== SCREENS) return `"screens" has ${doc.screens.length} entries; there are ${SCREENS} screens.`;
  const bad = doc.screens.findIndex((s) => !s || !Array.isArray(s.buttons) || s.buttons.length !== SLOTS);
  if (bad >= 0) return `Screen ${bad + 1} does not have ${SLOTS} buttons.`;
  return {
    defaults: Object.fromEntries(Object.entries(DEFAULTS).map(([k, v]) => [k, colour(doc.defaults && doc.defaults[k]) ?? v])),
    screens: doc.screens.map((s) => {
      const out = { template: templateOf(s), buttons: s.buttons.map((b) => readButton(b || {})) };
      if (colour(s.screen_bg) !== undefined) out.screen_bg = colour(s.screen_bg);
      return out;
    }),
  };
}

// The colours of a button with the defaults applied.
export const colourOf = (doc, b, name) => b[name] ?? doc.defaults[name];
export const backgroundOf = (doc, screen) => screen.screen_bg ?? doc.defaults.screen_bg;
export const hex = (n) => '#' + n.toString(16).padStart(6, '0');

// ---- edits: each gives the next document ---------------------------------------------------------------

export const buttonAt = (doc, at) => doc.screens[at.screen].buttons[at.slot];

export function setScreen(doc, screen, change) {
  return { ...doc, screens: doc.screens.map((s, i) => (i === screen ? clean({ ...s, ...change }) : s)) };
}

export function setButton(doc, at, change) {
  const buttons = doc.screens[at.screen].buttons.map((b, i) => (i === at.slot ? clean({ ...b, ...change }) : b));
  return setScreen(doc, at.screen, { buttons });
}

// Without the members that stand for "the default".
const clean = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));

export function swap(doc, a, b) {
  const [first, second] = [buttonAt(doc, a), buttonAt(doc, b)];
  const put = (d, at, button) => setScreen(d, at.screen, { buttons: d.screens[at.screen].buttons.map((x, i) => (i === at.slot ? button : x)) });
  return put(put(doc, a, second), b, first);
}

export const same = (a, b) => a.screen === b.screen && a.slot === b.slot;
export const place = (at) => `screen ${at.screen + 1}, slot ${at.slot + 1}`;

// What a button is called in lists and for the ear.
export function nameOf(b, at) {
  return b.label || (b.icon.display && b.icon.type === 'emoji' ? b.icon.display : '') || (hasIcon(b) ? b.icon.id.replace(/_/g, ' ') : '') || `slot ${at.slot + 1}`;
}

export function sentenceOf(b, at) {
  if (!isUsed(b)) return `Slot ${at.slot + 1}, free`;
  const to = { mqtt_send: b.mqtt_topic, nav_to: b.payload, run_scenario: b.payload }[b.action];
  return `Slot ${at.slot + 1}, ${nameOf(b, at)}: ${ACTIONS[b.action].name.toLowerCase()}${to ? ' ' + to : ''}`;
}

// What the panel writes on a button that has neither label nor icon.
export function substitute(b, at) {
  const { word } = ACTIONS[b.action];
  return `S${at.screen + 1}-B${at.slot + 1}${word ? ` [${word}]` : ''}`;
}

// ---- findings ------------------------------------------------------------------------------------------------

const LIMITS = { label: 'label_bytes', payload: 'payload_bytes', mqtt_topic: 'topic_bytes' };
const NAMES = { label: 'Label', payload: 'It', mqtt_topic: 'Topic' };

// [{at, field, text, warning}] of the whole document. `known`: {limits, screens: ids, icons: Set of ids}, each optional.
export function findings(doc, known) {
  const out = [];
  doc.screens.forEach((s, screen) => s.buttons.forEach((b, slot) => {
    for (const [field, finding, warning] of buttonFindings(b, known)) out.push({ at: { screen, slot }, field, text: finding, warning });
    if (slot >= slotsOf(s) && isUsed(b)) out.push({ at: { screen, slot }, field: 'slot', text: `${nameOf(b, { slot })} is not shown: this template has ${slotsOf(s)} slots.`, warning: true });
  }));
  return out;
}

function* buttonFindings(b, { limits = {}, screens, icons }) {
  for (const [field, name] of Object.entries(LIMITS)) {
    const bytes = utf8Bytes(b[field]);
    if (limits[name] && bytes > limits[name]) yield [field, `${NAMES[field]} has ${bytes} bytes, limit ${limits[name]}.`];
  }
  if (b.action === 'mqtt_send') {
    if (!b.mqtt_topic) yield ['mqtt_topic', 'A message needs a topic.'];
    const at = b.mqtt_topic.search(/[+#]/);
    if (at >= 0) yield ['mqtt_topic', `A publish topic takes no wildcard: "${b.mqtt_topic[at]}" at position ${at + 1}.`];
  }
  if (b.action === 'nav_to' && !b.payload) yield ['payload', 'Which screen? Without one it goes to macro1.', true];
  if (b.action === 'nav_to' && b.payload && screens && !screens.includes(b.payload)) yield ['payload', `There is no screen ${b.payload}: it goes to macro1.`, true];
  if (['run_scenario', 'lamp_effect'].includes(b.action) && !b.payload) yield ['payload', b.action === 'run_scenario' ? 'Which scenario?' : 'Which effect?'];
  if (b.action === 'send_keys' && !b.payload.trim()) yield ['payload', 'The script is empty: nothing is typed.', true];
  if (b.action === 'none' && b.icon.id) yield ['icon', 'A button without an action has no icon.', true];
  if (icons && hasIcon(b) && b.icon.type !== 'emoji' && !icons.has(b.icon.id)) yield ['icon', `Icon ${b.icon.id} is not installed.`, true];
}

// ---- clipboard and files -----------------------------------------------------------------------------------------

export const toClip = (kind, value) => JSON.stringify({ nuthatch: 'macropad_' + kind, value }, null, 2);

// {button} or {screen} of what was copied, or {finding}.
export function fromClip(clip) {
  try {
    const { nuthatch, value } = JSON.parse(clip);
    if (nuthatch === 'macropad_button') return { button: readButton(value) };
    if (nuthatch === 'macropad_screen' && value.buttons.length === SLOTS) return { screen: { ...value, template: templateOf(value), buttons: value.buttons.map(readButton) } };
  } catch {
    // Told below.
  }
  return { finding: 'No button was copied. Nothing was changed.' };
}

// Ids of the icons that buttons use, by type.
export function usedIcons(doc, type) {
  const used = new Map();
  for (const s of doc.screens) for (const b of s.buttons) if (hasIcon(b) && b.icon.type === type) used.set(b.icon.id, b.icon);
  return [...used.values()];
}
