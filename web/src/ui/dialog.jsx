// dialog.jsx - the native dialog: Esc closes, focus stays inside and returns to the opener.

import { useLayoutEffect, useRef } from 'preact/hooks';

export function Dialog({ label, onClose, children, class: cls = '' }) {
  const box = useRef();
  // At once, so that the next key goes to the dialog.
  useLayoutEffect(() => {
    const opener = document.activeElement;
    box.current.showModal();
    return () => opener && opener.focus && opener.focus();
  }, []);
  const press = (e) => e.target === box.current && onClose();
  return (
    <dialog ref={box} class={'dlg ' + cls} aria-label={label} onClose={onClose} onClick={press}>
      <div class="dlg-in">{children}</div>
    </dialog>
  );
}

// Only for what cannot be undone; the verb stands on the button.
export function Confirm({ title, children, verb, onDo, onClose }) {
  return (
    <Dialog label={title} onClose={onClose}>
      <h2>{title}</h2>
      <p>{children}</p>
      <div class="row end">
        <button type="button" class="btn" onClick={onClose}>Cancel</button>
        <button type="button" class="btn pri" onClick={() => { onClose(); onDo(); }}>{verb}</button>
      </div>
    </Dialog>
  );
}
