// browser.mjs - the browser of the tests: the distribution's Chromium without its own network traffic,
// and a page that remembers what went wrong on it.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PATHS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function launch() {
  return chromium.launch({
    executablePath: PATHS.find((p) => p && existsSync(p)),
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

// A page at `url` with `faults`: console errors, exceptions, refused policies, requests elsewhere.
export async function openPage(browser, url, { width = 1440, height = 1000, theme = 'light', reducedMotion = 'reduce', scale = 1, ignore = [] } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion, deviceScaleFactor: scale, hasTouch: width < 721 });
  const page = await context.newPage();
  const faults = [];
  const note = (text) => ignore.some((i) => text.includes(i)) || faults.push(text);
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && note(`console: ${m.text()} ${m.location().url}`));
  page.on('pageerror', (e) => note(`exception: ${e.stack || e}`));
  page.on('request', (r) => new URL(r.url()).origin === new URL(url).origin || note(`request elsewhere: ${r.url()}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
  });
  await page.goto(url);
  return { page, faults, close: () => context.close() };
}
