// optional.js - what a hub may not have: asked for until it says that there is no such route.

import { useEffect, useState } from 'preact/hooks';
import { useResource } from './resource.js';

// As useResource(), with `off`: this hub has none, and is not asked again.
export function useOptional(path, deps) {
  const [off, setOff] = useState(false);
  const r = useResource(off ? null : path, deps);
  useEffect(() => {
    if (r.error && r.error.status === 404) setOff(true);
  }, [r.error]);
  return { ...r, off };
}
