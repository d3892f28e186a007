// macropad.jsx - the macro pad: screens, buttons and colours, saved together; the panel and what it types beside.

import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { plural } from '../../lib/format.js';
import { useResource } from '../../lib/resource.js';
import { setParam } from '../../lib/route.js';
import { isOnline, state as store, useKeys } from '../../lib/store.js';
import { Button, Empty, Failed, Field, Head, Loading, Note, Segments, Tile } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { discard, draft, edit, isDirty, load, overwrite, placeOfPointer, save, step } from './draft.js';
import { filesOf, isMade, takeFiles } from './icons.js';
import { Colour, Inspector } from './inspect.jsx';
import { Mirror, Typed } from './live.jsx';
import { SCREENS, TEMPLATES, backgroundOf, blank, buttonAt, colourOf, findings, fromClip, hex, isEmpty, isUsed, nameOf, place, readDocument, setButton, setScreen, slotsOf, swap, templateOf, toClip, usedIcons } from './model.js';
import { Panel } from './panel.jsx';
import { IconPicker } from './picker.jsx';

const ROUND = [['round', 'Round'], ['square', 'Square']];
let clip = null; // what was copied here last

export default function MacroPad({ params }) {
  const { macros, display, link } = useKeys('macros', 'display', 'link');
  const pad = useResource('/api/macropad');
  const [error, setError] = useState(null);
  const reload = () => load().then(() => setError(null), setError);
  useEffect(() => {
    if (link.state === 'live') reload();
  }, [link.state]);
  if (!macros) return <><Head title="Macro pad" />{error ? <Failed error={error} retry={reload} /> : <Loading big lines={12} />}</>;
  return <Editor macros={macros} params={params} pad={pad} display={display} />;
}

function Editor({ macros, params, pad, display }) {
  const { history, icons, other, refused, saving } = macros;
  const doc = history.now.doc;
  const dirty = isDirty();
  const screen = clamp(+params.screen - 1, SCREENS);
  const at = { screen, slot: clamp(+params.slot - 1, 16) };
  const [picking, setPicking] = useState(false);
  const [shape, setShape] = useState(null);
  const body = useRef();
  const known = knownOf(pad.value, display, icons);
  const finds = findings(doc, known).concat(ofHub(refused));
  const bad = finds.filter((f) => !f.warning);
  const here = finds.filter((f) => f.at.screen === at.screen && f.at.slot === at.slot);
  const why = !isOnline() ? 'no connection' : saving ? 'saving' : other ? 'changed elsewhere' : bad.length ? plural(bad.length, 'finding') : dirty ? '' : 'no changes';

  const choose = (to) => {
    setParam('screen', to.screen + 1);
    setParam('slot', to.slot + 1);
  };
  const toScreen = (n) => choose({ screen: n, slot: Math.min(at.slot, slotsOf(draft().screens[n]) - 1) });
  const editButton = (change, join) => edit(setButton(draft(), at, change), 'editing', join);
  const move = (from, to, copies) => {
    const d = draft();
    edit(copies ? setButton(d, to, buttonAt(d, from)) : swap(d, from, to), copies ? 'copying' : 'moving');
  };
  const clear = (to = at) => {
    if (!isUsed(buttonAt(draft(), to))) return;
    const name = nameOf(buttonAt(draft(), to), to);
    edit(replaced(draft(), to, blank()), 'clearing');
    toast(`${name} is cleared.`, () => step(true));
  };
  const copy = (from = at) => {
    clip = toClip('button', buttonAt(draft(), from));
    toClipboard(clip);
  };
  const cut = (from) => {
    copy(from);
    clear(from);
  };
  const paste = (to = at) => {
    const got = fromClip(clip || '');
    if (got.finding) return toast(got.finding);
    if (got.screen) return pasteScreen(got.screen);
    return edit(replaced(draft(), to, got.button), 'pasting');
  };
  const pasteScreen = (value) => edit({ ...draft(), screens: draft().screens.map((s, i) => (i === at.screen ? value : s)) }, 'pasting');
  const goes = () => !why && save().then(() => {
    toast('The pad is saved and in force.');
    pad.reload();
  }, () => {});
  const press = () => post('/api/macropad/press', { screen: at.screen + 1, slot: at.slot }).then(() => toast(`${nameOf(buttonAt(doc, at), at)} is pressed.`), (e) => toast(e.message));
  const keys = useRef();
  keys.current = goes;
  const open = () => body.current.querySelector('#mp-label').focus();

  // Keys on the panel; those of the whole page are below.
  const onKey = (e, from) => {
    const act = e.key === 'Delete' || e.key === 'Backspace' ? clear : (e.ctrlKey || e.metaKey) && { c: copy, x: cut, v: paste }[e.key];
    if (!act) return;
    e.preventDefault();
    act(from);
  };
  useEffect(() => {
    const key = (e) => {
      if (!(e.ctrlKey || e.metaKey) || document.querySelector('dialog[open]')) return;
      if (e.key === 's') keys.current();
      else if (e.key.toLowerCase() === 'z' && !typing(e)) step(!e.shiftKey);
      else return;
      e.preventDefault();
    };
    const leave = (e) => isDirty() && e.preventDefault();
    addEventListener('keydown', key, true);
    addEventListener('beforeunload', leave);
    return () => {
      removeEventListener('keydown', key, true);
      removeEventListener('beforeunload', leave);
    };
  }, []);

  const size = { width: (display && display.width) || 360, height: (display && display.height) || 360 };
  const look = shape || (display && display.round === false ? 'square' : 'round');
  const keyboard = pad.value && pad.value.keyboard;
  const used = doc.screens[at.screen].buttons.filter(isUsed).length;
  return (
    <div class="macropad" ref={body}>
      <Head title="Macro pad" facts={[`generation ${macros.generation}`, keyboard && `layout ${keyboard.layout}`, plural(doc.screens.reduce((n, s) => n + s.buttons.filter(isUsed).length, 0), 'button')]}>
        <Button kind="ic" icon="undo" aria-label="Undo" title={`Undo ${history.now.text || ''}`} disabled={!history.past.length} onClick={() => step(true)} />
        <Button kind="ic" icon="redo" aria-label="Redo" disabled={!history.future.length} onClick={() => step(false)} />
        {dirty && <Button onClick={() => { discard(); toast('Back to what the hub has.', () => step(true)); }}>Discard</Button>}
        {why && <button type="button" class={`b why ${bad.length ? 'bad' : ''}`} id="why" disabled={!bad.length} onClick={() => choose(bad[0].at)}>{why}</button>}
        <Button kind="pri" disabled={!!why} aria-describedby="why" onClick={goes}>Save</Button>
      </Head>
      {other && (
        <div class="apart"><Note kind="warn" action={<div class="row"><Button kind="sm" onClick={discard}>Take theirs</Button><Button kind="sm" onClick={overwrite}>Keep mine</Button></div>}>Somebody else saved generation {other.generation} meanwhile. Yours is still here.</Note></div>
      )}
      {refused && !other && <div class="apart"><Note>{refused.message} The pad is as it was.</Note></div>}
      <div class="mp">
        <Tile title="Screens" class="board" end={<Segments kind="sm" label="Shape of the panel" options={ROUND} value={look} onChange={setShape} />}>
          <ScreenTabs doc={doc} at={at} finds={bad} shown={display && display.screen} onChoose={toScreen} />
          <div class="row tpl">
            <Segments kind="sm" label="Template" options={Object.entries(TEMPLATES).map(([id, t]) => [id, t.name, `${t.slots} slots`])} value={templateOf(doc.screens[at.screen])} onChange={(template) => edit(setScreen(doc, at.screen, { template }), 'the template')} />
            <span class="sub small">{used ? `${used} of ${slotsOf(doc.screens[at.screen])} used` : ''}</span>
          </div>
          <Panel doc={doc} at={at} size={size} round={look === 'round'} marks={(p) => (finds.find((f) => !f.warning && f.at.screen === p.screen && f.at.slot === p.slot) || {}).text}
            onChoose={choose} onMove={move} onKey={onKey} onScreen={toScreen} onOpen={open} />
          {isEmpty(doc.screens[at.screen]) && <p class="sub hint-s">This screen is empty: the panel shows the portal's address instead. Choose a slot and give it an action.</p>}
          <div class="row acts-s">
            <Button kind="sm" icon="copy" title="Ctrl+C" onClick={() => { copy(); toast(`${place(at)} is copied.`); }}>Copy</Button>
            <Button kind="sm" disabled={!clip} title="Ctrl+V" onClick={() => paste()}>Paste</Button>
            <Button kind="sm" disabled={!isUsed(buttonAt(doc, at))} title="Delete" onClick={() => clear()}>Clear</Button>
          </div>
          <div class="row acts-s">
            <Button kind="sm" onClick={() => { clip = toClip('screen', doc.screens[at.screen]); toClipboard(clip); toast(`Screen ${at.screen + 1} is copied.`); }}>Copy screen</Button>
            <Button kind="sm" disabled={isEmpty(doc.screens[at.screen])} onClick={() => { edit(setScreen(doc, at.screen, { buttons: doc.screens[at.screen].buttons.map(blank) }), 'clearing'); toast(`Screen ${at.screen + 1} is cleared.`, () => step(true)); }}>Clear screen</Button>
            <span class="gap" />
            <Button kind="sm" title="The whole pad with its pictures, as a file" onClick={() => exportFile(doc)}>Export</Button><ImportButton />
          </div>
          <p class="small sub keys-s">Drag to move or swap, Ctrl to copy, over a tab for another screen. Arrows choose, Alt+arrows move, Enter edits.</p>
        </Tile>
        <Inspector doc={doc} at={at} known={known} state={pad.value} finds={here} onEdit={editButton} onIcon={() => setPicking(true)} onPress={press} onSwap={(to) => { move(at, to); choose(to); }} />
        <div class="col">
          {display ? <Mirror /> : <Tile title="Panel"><Empty>This hub has no panel. Buttons are pressed here, over MQTT or by another client.</Empty></Tile>}
          <Typed state={pad.value} />
          <Tile title="Colours" class="pal">
            <div class="colours">
              <Colour id="mp-screen" label="This screen" value={doc.screens[at.screen].screen_bg} base={doc.defaults.screen_bg} onChange={(v) => edit(setScreen(draft(), at.screen, { screen_bg: v }), 'a colour', 'screen_bg' + at.screen)} />
              {[['screen_bg', 'Screens'], ['button_bg', 'Buttons'], ['icon_color', 'Icons'], ['label_color', 'Labels']].map(([name, label]) => (
                <Colour id={'mp-all-' + name} label={label} value={doc.defaults[name]} onChange={(v) => edit({ ...draft(), defaults: { ...draft().defaults, [name]: v } }, 'a colour', name)} />
              ))}
            </div>
            <p class="small sub">The last four are what a button without a colour of its own has.</p>
          </Tile>
        </div>
      </div>
      {picking && <IconPicker icons={icons} colour={colourOf(doc, buttonAt(doc, at), 'icon_color')} back={hex(colourOf(doc, buttonAt(doc, at), 'button_bg'))} onClose={() => setPicking(false)} onPick={(icon) => { setPicking(false); editButton({ icon }); }} />}
    </div>
  );
}

const clamp = (n, count) => (n >= 0 && n < count ? n : 0);
const typing = (e) => /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== 'color';
const replaced = (doc, at, button) => setScreen(doc, at.screen, { buttons: doc.screens[at.screen].buttons.map((b, i) => (i === at.slot ? button : b)) });
const toClipboard = (text) => navigator.clipboard && navigator.clipboard.writeText(text).catch(() => {});

function knownOf(pad, display, icons) {
  const list = (display && display.screens) || undefined;
  return {
    limits: pad ? pad.limits : undefined,
    screens: list && list.map((s) => s.id),
    names: list && Object.fromEntries(list.map((s) => [s.id, s.name])),
    icons: icons.builtin.length + icons.installed.length ? { has: (id) => icons.builtin.includes(id.toLowerCase().replace(/-/g, '_')) || icons.installed.includes(id) || isMade(id) } : undefined,
  };
}

// What the hub refused, at its field.
function ofHub(refused) {
  return ((refused && refused.details) || []).map((d) => ({ ...placeOfPointer(d.field), text: d.text || refused.message })).filter((f) => f.at);
}

// ---- screens ---------------------------------------------------------------------------------------------------------

function ScreenTabs({ doc, at, finds, shown, onChoose }) {
  const box = useRef();
  const key = (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const next = (at.screen + step + SCREENS) % SCREENS;
    onChoose(next);
    box.current.children[next].focus();
  };
  return (
    <div class="tabs-s" role="tablist" aria-label="Screens" ref={box} onKeyDown={key}>
      {doc.screens.map((s, i) => {
        const isOn = i === at.screen;
        const wrong = finds.some((f) => f.at.screen === i);
        const is = [isEmpty(s) && 'empty', shown === `macro${i + 1}` && 'on the panel', wrong && 'has findings'].filter(Boolean).join(', ');
        return (
          <button type="button" role="tab" data-screen={i} aria-selected={isOn} tabIndex={isOn ? 0 : -1} aria-label={`Screen ${i + 1}${is ? ', ' + is : ''}`}
            class={`${isEmpty(s) ? 'vacant' : ''} ${wrong ? 'bad' : ''} ${shown === `macro${i + 1}` ? 'shown' : ''}`} style={{ '--back': hex(backgroundOf(doc, s)) }} onClick={() => onChoose(i)}>{i + 1}</button>
        );
      })}
    </div>
  );
}

// ---- files -----------------------------------------------------------------------------------------------------------

// The document as POST takes it, with the pictures it uses; the hub passes over what it does not know.
async function exportFile(doc) {
  const icons = await filesOf(usedIcons(doc, 'asset').map((i) => i.id));
  const text = JSON.stringify({ version: 9, ...doc, ...(Object.keys(icons).length ? { icons } : {}) }, null, 1);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  link.download = `macros-${store.info ? store.info.name || 'hub' : 'hub'}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function ImportButton() {
  const input = useRef();
  const take = async (e) => {
    const file = e.target.files[0];
    e.target.value = '';
    if (!file) return;
    let value;
    try {
      value = JSON.parse(await file.text());
    } catch {
      return toast(`${file.name} is not JSON. Nothing was changed.`);
    }
    const doc = readDocument(value);
    if (typeof doc === 'string') return toast(doc + ' Nothing was changed.');
    takeFiles(value.icons);
    edit(doc, 'importing');
    return toast(`${file.name} is loaded, not saved yet.`, () => step(true));
  };
  return (
    <>
      <Button kind="sm" onClick={() => input.current.click()}>Import</Button>
      <input ref={input} class="gone-in" type="file" accept=".json,application/json" aria-label="File to import" tabIndex={-1} onChange={take} />
    </>
  );
}
