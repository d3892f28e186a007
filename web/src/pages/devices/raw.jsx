// raw.jsx - the configuration, or one device of it, as text: JSON goes into the draft as it is typed; YAML is read
// by the hub alone, so it is checked and applied as it stands.

import { useEffect, useState } from 'preact/hooks';
import { post } from '../../lib/api.js';
import { Button, Segments } from '../../ui/parts.jsx';
import { toast } from '../../ui/toast.jsx';
import { YamlFindings } from './changes.jsx';
import { draft, edit, replaceAll } from './editor.js';
import { getAt } from './path.js';
import { toYaml } from './yaml.js';

const toJson = (value) => JSON.stringify(value, null, 2);

// `onYaml(text)`: applies a text; without it YAML is to be read only.
export function RawText({ path, onYaml }) {
  const [form, setForm] = useState('json');
  return (
    <div class="rawbox">
      <div class="row between">
        <Segments label="Form of the text" options={[['json', 'JSON'], ['yaml', 'YAML']]} value={form} onChange={setForm} />
        <CopyAll text={form === 'json' ? toJson(getAt(draft(), path)) : toYaml(getAt(draft(), path))} />
      </div>
      {form === 'json' ? <Json path={path} /> : <Yaml path={path} onYaml={onYaml} />}
    </div>
  );
}

function CopyAll({ text }) {
  if (!navigator.clipboard) return null;
  return <Button kind="sm" onClick={() => navigator.clipboard.writeText(text).then(() => toast('The text is copied.'), (e) => toast(e.message))}>Copy all</Button>;
}

function Json({ path }) {
  const value = getAt(draft(), path);
  const [typed, setTyped] = useState(null); // {text, value}: what stands here while it is being typed
  const [finding, setFinding] = useState('');
  // Another change (undo) puts the typed text away.
  useEffect(() => {
    if (typed && !finding && typed.value !== value) setTyped(null);
  }, [value]);
  const input = (text) => {
    let next;
    try {
      next = JSON.parse(text);
    } catch (e) {
      setFinding(`${e.message}. The draft is as it was.`);
      return setTyped({ text, value: null });
    }
    if (!next || typeof next !== 'object' || Array.isArray(next)) {
      setFinding('An object is wanted here. The draft is as it was.');
      return setTyped({ text, value: null });
    }
    setFinding('');
    if (path.length) edit(path, next, 'edit the text');
    else replaceAll(next, 'edit the text');
    return setTyped({ text, value: getAt(draft(), path) });
  };
  return (
    <>
      <textarea class="in mono raw" rows={28} spellcheck={false} aria-label="JSON" aria-invalid={finding ? 'true' : undefined} value={typed ? typed.text : toJson(value)} onInput={(e) => input(e.target.value)} />
      {finding && <div class="find"><span>{finding}</span></div>}
    </>
  );
}

function Yaml({ path, onYaml }) {
  const [typed, setTyped] = useState(null);
  const [told, setTold] = useState(null); // {findings}
  const text = typed ?? toYaml(getAt(draft(), path));
  const check = () => post('/api/devices/validate', text, 'application/yaml').then(setTold, (e) => toast(e.message));
  return (
    <>
      <textarea class="in mono raw" rows={28} spellcheck={false} aria-label="YAML" readOnly={!onYaml} value={text} onInput={(e) => { setTyped(e.target.value); setTold(null); }} />
      {onYaml && (
        <div class="row">
          <Button online onClick={check}>Check YAML</Button>
          <Button online kind="pri" onClick={() => onYaml(text)}>Apply YAML</Button>
          {typed !== null && <Button onClick={() => { setTyped(null); setTold(null); }}>Discard</Button>}
        </div>
      )}
      {told && <YamlFindings told={told} />}
    </>
  );
}
