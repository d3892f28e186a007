// live.js - what the hub tells of a room: by the feed; while there is no feed, or it cuts a long list, by asking.

import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { get, post } from '../../lib/api.js';
import { useFeed } from '../../lib/hub.js';
import { hubNow, useKeys, useTick } from '../../lib/store.js';
import { toast } from '../../ui/toast.jsx';
import { fromReply, leftNow, namesOf, nameOf } from './model.js';
import { refusalWord } from './words.js';

const POLL_MS = 2000; // without the feed
const CUT_MS = 1000; // of a list that the feed cuts

// A reply of the hub, asked for at once, when one of `deps` changes, and each `everyMs` (0: not again): {value, error, at}.
export function usePoll(path, everyMs, deps = []) {
  const [result, setResult] = useState({ value: null, error: null, at: 0 });
  useEffect(() => {
    let gone = !path;
    const ask = () => gone || get(path).then(
      (value) => gone || setResult({ value, error: null, at: Date.now() }),
      (error) => gone || setResult((r) => ({ ...r, error })),
    );
    ask();
    const timer = everyMs && setInterval(() => document.hidden || ask(), everyMs);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [path, everyMs, ...deps]);
  return result;
}

const newest = (fed, asked) => (fed && fed.at >= asked.at ? fed : asked.value && { ...asked.value, at: asked.at });

// Everything that the page shows of the room; `ready` false: nothing has come yet.
export function useRoom() {
  const { link, automation: fed, game: fedGame, monitors: fedMonitors } = useKeys('link', 'automation', 'game', 'monitors');
  useFeed('automation', 'game', 'monitors');
  const live = link.state === 'live';
  const every = (isCut) => (!live ? POLL_MS : isCut ? CUT_MS : 0);
  const isCut = !!fed && (fed.instances.length < fed.instance_count || fed.suspended_count > 0);
  const list = usePoll('/api/automation', every(isCut));
  const game = newest(fedGame, usePoll('/api/game', every(false)));
  const all = usePoll('/api/automation/monitors', every(fedMonitors && fedMonitors.is_cut));
  const whole = list.value && { ...fromReply(list.value), at: list.at };
  const auto = fed && (!whole || (!isCut && fed.at >= list.at)) ? { ...fed, suspended: [], cut: whole ? whole.cut : [] } : whole;
  const isFed = fedMonitors && !fedMonitors.is_cut && fedMonitors.at >= all.at;
  const monitors = isFed ? fedMonitors.devices : all.value;
  return {
    ready: !!(auto && game && monitors), error: list.error, auto, game, monitors: monitors || [], monitorsAt: isFed ? fedMonitors.at : all.at,
    mayAct: live || (!!list.value && !list.error), plan: fed ? fed.plan : 0, isPolled: !live,
  };
}

export const Room = createContext(null);
export const useInRoom = () => useContext(Room);

// Renders again as time passes, and says what is left of waits.
export function useTime(ms = 500) {
  const { auto, game } = useInRoom();
  useTick(ms);
  const now = Date.now();
  return { now, leftOf: (r) => leftNow(r, auto.at, now, game.paused), ageOf: (unixMs) => Math.max(0, hubNow() - unixMs) };
}

export function useNames() {
  const { actions } = useInRoom();
  const names = namesOf(actions);
  return (r) => nameOf(names, r);
}

// Tells the hub to do something; a refusal is a toast, and null comes back.
export const command = (path, body) => post(path, body).catch((e) => {
  toast(e.status === 409 ? `${refusalWord(e)}.` : e.message);
  return null;
});
