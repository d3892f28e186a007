import test from 'node:test';
import assert from 'node:assert/strict';
import { limitOf, plainName, read, refusalOf, stillEdited } from '../src/pages/device/fields.js';

test('an edit becomes a value, or is refused by its limit', () => {
  assert.deepEqual(read('mqtt_port', ' 8883 '), { value: 8883 });
  assert.deepEqual(read('screen_saver_enabled', true), { value: true });
  for (const [name, raw, text] of [
    ['device_name', 'ä'.repeat(16), /32 bytes, limit 31/], ['device_name', '--', /a letter/], ['mqtt_port', '0', /is 0, limits 1 to 65535/],
    ['backlight_brightness', '', /is empty, limits 0 to 100/], ['mqtt_interval_seconds', '1.5', /limits 0/], ['wifi_ssid', '', /may not be empty/],
  ]) assert.match(read(name, raw).finding, text, name);
  assert.equal(limitOf('screen_saver_timeout_seconds'), '1 to 65535 s');
});

test('what is as it was is no edit; an empty password is none', () => {
  const config = { device_name: 'attic', mqtt_port: 1883, mqtt_password: '' };
  assert.deepEqual(stillEdited(config, { device_name: 'attic', mqtt_port: '1883', mqtt_password: '' }), {});
  assert.deepEqual(stillEdited(config, { mqtt_port: 'x', mqtt_password: 'p', device_name: 'b' }), { mqtt_port: 'x', mqtt_password: 'p', device_name: 'b' });
});

test('the name in topics is the hub\u2019s rule', () => {
  for (const [name, plain] of [['Attic pad', 'attic-pad'], ['  a__b--C ', 'a-b-c'], ['Tür 2', 'tr-2'], ['--', '']]) assert.equal(plainName(name), plain);
});

test('a refusal stands at its field', () => {
  assert.deepEqual(refusalOf('Invalid configuration: mqtt_host 70 bytes; limit: 63 bytes'), { field: 'mqtt_host', text: 'Host 70 bytes; limit: 63 bytes.' });
  assert.equal(refusalOf('Out of memory'), null);
});
