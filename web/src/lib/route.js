// route.js - the address after '#': "/memory?span=30m" is page and parameters; "/battery/wall" the page's view.

import { useEffect, useRef, useState } from 'preact/hooks';

export function parse(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page, view] = path.split('/');
  return { page: page || 'home', params: { ...(view && { view }), ...Object.fromEntries(new URLSearchParams(query)) } };
}

export function href(page, params = {}) {
  const query = new URLSearchParams(params).toString();
  return `#/${page}${query ? '?' + query : ''}`;
}

// The pages of the older firmware had files of their own, which bookmarks still name.
const OLD_FILES = { '/network.html': 'device', '/firmware.html': 'updates' };

export const current = () => parse(location.hash || OLD_FILES[location.pathname] || '');

export function go(page, params) {
  location.hash = href(page, params);
}

// Sets one parameter of the present page without a new entry in the history; null removes it.
export function setParam(name, value) {
  const { page, params } = current();
  if (value == null) delete params[name];
  else params[name] = value;
  history.replaceState(null, '', href(page, params));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute() {
  const [route, setRoute] = useState(current);
  const drawn = useRef(location.hash);
  useEffect(() => {
    const again = () => {
      drawn.current = location.hash;
      setRoute(current());
    };
    if (location.hash !== drawn.current) again(); // it changed before anybody listened
    addEventListener('hashchange', again);
    return () => removeEventListener('hashchange', again);
  }, []);
  return route;
}
