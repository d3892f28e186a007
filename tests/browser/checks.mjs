// checks.mjs - what must hold on every page, whatever hub is behind it.

import assert from 'node:assert/strict';
import { openPage } from './browser.mjs';

export const PAGES = [['home', 'Home'], ['memory', 'Memory'], ['mqtt', 'MQTT'], ['log', 'Log'], ['actions', 'Actions'], ['traces', 'Traces'], ['lamp', 'Lamp'], ['settings', 'Settings'], ['api', 'API']];
// With those that the mock hub knows nothing of; a hub has no lamp unless it is told so (lamp_real.test.mjs).
export const REAL_PAGES = [...PAGES.filter(([id]) => id !== 'lamp'), ['devices', 'Devices'], ['audio', 'Audio'], ['macropad', 'Macro pad'], ['device', 'Device settings'], ['updates', 'Updates']];
export const SIZES = [[1440, 1000], [900, 1000], [390, 844], [320, 640]];

// Opens each page at each size in one theme: its h1, no sideways scroll, nothing wrong, nothing stuck loading.
export async function everyPage(browser, url, theme, pages = PAGES, ignore = []) {
  for (const [width, height] of SIZES) {
    const { page, faults, close } = await openPage(browser, url, { width, height, theme, ignore });
    for (const [id, title] of pages) {
      await page.evaluate((hash) => { location.hash = hash; }, '#/' + id);
      await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
      await page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
      const where = `${id} at ${width} px, ${theme}`;
      assert.deepEqual(await sideways(page), [], `${where} does not scroll sideways`);
      assert.equal(await page.locator('main .note.bad').count(), 0, `${where} shows no error`);
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
      assert.deepEqual(await small(page, width), [], `${where}: targets of 44 px`);
      assert.deepEqual(await unnamed(page), [], `${where}: every control has a name`);
    }
    assert.deepEqual(faults, [], `at ${width} px, ${theme}`);
    await close();
  }
}

// What reaches over the right edge of the window.
function sideways(page) {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    return [...document.querySelectorAll('#app *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))
      .map((e) => `${e.tagName}.${e.className.baseVal ?? e.className} ${Math.round(e.getBoundingClientRect().right)}`).slice(0, 8);
  });
}

// Buttons and fields of a phone that are lower than 44 px (switches and what sorts a table apart).
function small(page, width) {
  if (width > 720) return [];
  return page.evaluate(() => [...document.querySelectorAll('.btn, .in, .bar a, .bar button, .tools button')]
    .filter((e) => e.offsetParent !== null && e.getBoundingClientRect().height < 43.5).map((e) => e.outerHTML.slice(0, 90)));
}

function unnamed(page) {
  return page.evaluate(() => [...document.querySelectorAll('button, input, select, textarea, [role=meter], [role=img], [role=group]')]
    .filter((e) => e.offsetParent !== null && !e.getAttribute('aria-label') && !e.textContent.trim() && !(e.labels && e.labels.length))
    .map((e) => e.outerHTML.slice(0, 90)));
}
