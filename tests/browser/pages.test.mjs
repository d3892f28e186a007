// Every page in both themes at four widths, against the mock hub.

import test, { after, before } from 'node:test';
import { launch } from './browser.mjs';
import { everyPage } from './checks.mjs';
import { startMock } from './mock_hub.mjs';

let browser;
let mock;
before(async () => {
  browser = await launch();
  mock = await startMock({ clients: 120, retained: 900 });
});
after(async () => {
  await browser.close();
  await mock.stop();
});

test('every page renders in light', () => everyPage(browser, mock.url, 'light'));
test('every page renders in dark', () => everyPage(browser, mock.url, 'dark'));
