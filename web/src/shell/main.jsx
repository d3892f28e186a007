// main.jsx - the shell: band, navigation, the page of the address, what floats above.

import { render } from 'preact';
import { useEffect, useErrorBoundary, useLayoutEffect, useRef, useState } from 'preact/hooks';
import pages from 'nuthatch:pages';
import { mayOpen, openPages } from '../lib/access.js';
import { useRoute } from '../lib/route.js';
import { startHub, useFeed } from '../lib/hub.js';
import { startTheme } from '../lib/theme.js';
import { useKeys } from '../lib/store.js';
import { Failed, Head, Loading } from '../ui/parts.jsx';
import { Toasts } from '../ui/toast.jsx';
import { Band, OfflineNote } from './band.jsx';
import { BottomBar, Sidebar } from './nav.jsx';
import { MustChange, SignIn } from './sign_in.jsx';
import { Overlays, startKeys } from './keys.jsx';

const loaded = new Map(); // page id -> component
const sheets = new Map(); // page id -> the <link> of its style sheet

// Gives a promise of the page's own style sheet.
function loadSheet({ id, css }) {
  if (!css) return null;
  return new Promise((done, fail) => {
    const link = document.createElement('link');
    Object.assign(link, { rel: 'stylesheet', href: css, onload: () => done(sheets.set(id, link)) });
    link.onerror = () => fail(link.remove());
    document.head.append(link);
  });
}

// The component of a page, loaded on its first visit.
function usePage(page) {
  const [, bump] = useState(0);
  const [error, setError] = useState(null);
  const load = () => {
    setError(null);
    Promise.all([page.load(), loadSheet(page)]).then(
      ([m]) => {
        loaded.set(page.id, m.default);
        bump((n) => n + 1);
      },
      () => setError(new Error(`Page ${page.title} not loaded: no answer from the hub, or it has a newer portal.`)),
    );
  };
  useEffect(() => {
    if (page && !loaded.has(page.id)) load();
  }, [page && page.id]);
  const Page = page && loaded.get(page.id);
  // The rules of one page are not those of another.
  useLayoutEffect(() => {
    for (const [id, link] of sheets) link.disabled = id !== (page && page.id);
  }, [Page]);
  return { Page, error, load: () => location.reload() };
}

function Body() {
  const route = useRoute();
  useKeys('session');
  const named = pages.find((p) => p.id === route.page);
  const page = named && mayOpen(named) ? named : undefined;
  const { Page, error, load } = usePage(page);
  const first = useRef(true);
  const onTitle = document.activeElement?.matches('main h1'); // of the page that is being loaded
  useEffect(() => {
    document.title = page ? `${page.title} \u00b7 nuthatch` : 'nuthatch';
    if (!Page) return;
    if (!first.current || onTitle) {
      scrollTo(0, 0);
      const h1 = document.querySelector('main h1');
      if (h1) h1.focus({ preventScroll: true });
    }
    first.current = false;
  }, [page && page.id, !!Page]);
  if (!page) {
    return (
      <>
        <Head title={named ? named.title : 'No such page'} />
        <p>{named ? `${named.title} is for admins.` : <>There is no page <code>{route.page}</code>.</>} <a href="#/home">Go to Home</a></p>
      </>
    );
  }
  if (error) return <><Head title={page.title} /><Failed error={error} retry={load} /></>;
  if (!Page) return <><Head title={page.title} /><Loading big lines={6} /></>;
  return <Guard key={page.id}><Page params={route.params} /></Guard>;
}

// A fault of one page leaves the others and the band as they are.
function Guard({ children }) {
  const [error, reset] = useErrorBoundary();
  return error ? <Failed error={new Error(`This page stopped: ${error.message}. The hub is as it was.`)} retry={reset} /> : children;
}

// What the navigation shows is held as long as the page is open; lamp and battery are known by their parts alone.
function Held() {
  useKeys('session');
  useFeed(...new Set(['mem', 'lamp', 'battery', ...openPages().flatMap((p) => p.parts || [])]));
  return null;
}

function App() {
  const { auth, link } = useKeys('auth', 'link');
  if (auth === 'needed') return <SignIn />;
  if (auth === 'change') return <MustChange />;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>Go to content</a>
      <Held />
      <Band />
      <Sidebar />
      <main id="main" class={link.state === 'offline' ? 'dim' : ''}>
        <OfflineNote />
        <Body />
      </main>
      <BottomBar />
      <Toasts />
      <Overlays />
    </>
  );
}

function skip(e) {
  e.preventDefault();
  const h1 = document.querySelector('main h1');
  if (h1) h1.focus();
}

startTheme();
startHub();
startKeys();
render(<App />, document.getElementById('app'));
