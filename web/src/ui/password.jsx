// password.jsx - forms that ask for passwords: signing in apart, which has no new one.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Field, Switch, findingOf } from './parts.jsx';

const FIELDS = {
  username: { label: 'User', autocomplete: 'username' },
  current: { label: 'Present password', type: 'password', autocomplete: 'current-password' },
  password: { label: 'New password', limit: '8 to 256 bytes', type: 'password', autocomplete: 'new-password' },
  again: { label: 'Again', type: 'password', autocomplete: 'new-password' },
};
// What the hub calls the fields.
const POINTERS = { '/username': 'username', '/password': 'password', '/new_password': 'password' };

// `ask`: names of FIELDS, and 'role', 'must'. `send(values)` gives a promise; a refusal stands at its field.
// `children` stand before the button that sends.
export function AccountForm({ title, level: Title = 'h2', text, verb, ask, send, children }) {
  const [values, setValues] = useState({ role: 'operator', must: true });
  const [findings, setFindings] = useState({});
  const [busy, setBusy] = useState(false);
  const form = useRef();
  useEffect(() => form.current.querySelector('input').focus(), []);
  useEffect(() => {
    const first = form.current.querySelector('[aria-invalid]');
    if (first) first.focus();
  }, [findings]);
  const change = (name, value) => setValues({ ...values, [name]: value });
  const submit = async (e) => {
    e.preventDefault();
    if (ask.includes('again') && values.again !== values.password) return setFindings({ again: 'The two are not the same.' });
    setBusy(true);
    setFindings({});
    try {
      return await send(values);
    } catch (error) {
      setBusy(false);
      const known = error.details.filter((d) => POINTERS[d.field]).map((d) => [POINTERS[d.field], error.message]);
      const place = error.code === 'wrong_password' ? 'current' : error.code === 'exists' ? 'username' : ask[0];
      return setFindings(Object.fromEntries(known.length ? known : [[ask.includes(place) ? place : ask[0], error.message]]));
    }
  };
  const inputs = ask.filter((name) => FIELDS[name]);
  return (
    <form class="ask" ref={form} onSubmit={submit}>
      <Title tabIndex={Title === 'h1' ? -1 : undefined}>{title}</Title>
      {text && <p>{text}</p>}
      {inputs.map((name) => {
        const { label, limit, ...rest } = FIELDS[name];
        const id = 'form-' + name;
        return (
          <Field key={name} id={id} label={label} limit={limit} finding={findings[name]}>
            <input id={id} class="in" value={values[name] || ''} onInput={(e) => change(name, e.target.value)} {...rest} {...findingOf(id, findings[name])} />
          </Field>
        );
      })}
      {ask.includes('role') && (
        <Field id="form-role" label="Role" finding={findings.role}>
          <select id="form-role" class="in" value={values.role} onChange={(e) => change('role', e.target.value)}>
            <option value="operator">operator: state and actions</option>
            <option value="admin">admin: everything</option>
          </select>
        </Field>
      )}
      {ask.includes('must') && (
        <div class="row between"><label for="form-must">Change it at the first sign-in</label>
          <Switch id="form-must" label="Change it at the first sign-in" on={values.must} onChange={(on) => change('must', on)} /></div>
      )}
      <div class="row end">
        {children}
        <button type="submit" class="btn pri" disabled={busy || inputs.some((name) => !values[name])}>{verb}</button>
      </div>
    </form>
  );
}
