// resource.js - one reply of the hub as {value, error, loading, reload}: the last value stays while
// the next is on its way and after an error.

import { useEffect, useRef, useState } from 'preact/hooks';
import { get } from './api.js';
import { useKeys } from './store.js';

// Asks for `path` (null: for nothing) now, when it or one of `deps` changes, and after a break.
export function useResource(path, deps = []) {
  const [result, setResult] = useState({ value: null, error: null, path: null });
  const [again, setAgain] = useState(0);
  const latest = useRef(0);
  const live = useKeys('link').link.state === 'live';
  useEffect(() => {
    if (!path || (!live && result.value)) return;
    const turn = ++latest.current;
    get(path).then(
      (value) => turn === latest.current && setResult({ value, error: null, path, at: Date.now() }),
      (error) => turn === latest.current && setResult((r) => ({ ...r, error })),
    );
  }, [path, again, live, ...deps]);
  return { ...result, loading: !result.value && !result.error, reload: () => setAgain((n) => n + 1) };
}
