// A schema like the hub's, with the objects that tests of the editor's model need.

import { indexSchema } from '../src/pages/devices/schema.js';

const f = (name, kind, more = {}) => ({ name, kind, text: '', required: false, ...more });
const text = (name, cls, more) => f(name, 'text', { class: cls, max: 31, ...more });
const list = (name, ref, more) => f(name, 'list', { ref, max_count: 8, ...more });

const CONFIGURATION = 0, DEVICE = 1, SCENARIO = 2, STEP = 3, BRANCH = 4, CONDITION = 5, TRIGGER = 6, VARIABLE = 7, TEMPLATE = 8, FLAGS = 9, RULE = 10, BINDING = 11, COMMAND = 12, TAB = 13, LOOP = 14;
export const R = { CONFIGURATION, DEVICE, SCENARIO, STEP, BRANCH, CONDITION, TRIGGER };

const objects = () => [
  { name: 'configuration', typed: false, fields: [f('schema', 'int', { required: true }), list('variables', VARIABLE), list('devices', DEVICE, { required: true })] },
  { name: 'device', typed: false, fields: [text('id', 'id', { required: true }), text('display_name', 'name', { alias: 'name' }), list('tabs', TAB), list('topics', BINDING), list('commands', COMMAND), f('template', 'object', { ref: TEMPLATE }), list('scenarios', SCENARIO)] },
  { name: 'scenario', typed: false, fields: [text('id', 'id', { required: true }), text('name', 'name'), list('triggers', TRIGGER), list('conditions', CONDITION), list('steps', STEP), list('on_stop', STEP)] },
  { name: 'step', typed: true, fields: [f('type', 'enum', { required: true, words: ['delay', 'mqtt_publish', 'set', 'if', 'choose', 'repeat', 'parallel', 'run', 'command', 'loop'] }),
    f('delay_ms', 'int', { min: 0, max: 4294967295, text: 'Waits this long first' }), f('enabled', 'bool', { text: 'Standard true; a disabled step is passed over' }),
    text('topic', 'topic', { types: ['mqtt_publish'], required_for: ['mqtt_publish'] }), text('payload', 'payload', { types: ['mqtt_publish'] }), f('qos', 'int', { min: 0, max: 2, types: ['mqtt_publish'], text: 'Quality of service; standard 0' }),
    text('variable', 'variable', { types: ['set'] }), text('expression', 'expression', { types: ['set'] }),
    list('conditions', CONDITION, { types: ['if'], required_for: ['if'] }), list('then', STEP, { types: ['if'] }), list('else', STEP, { types: ['if'] }),
    list('branches', BRANCH, { types: ['choose', 'parallel'], required_for: ['choose', 'parallel'] }), list('default', STEP, { types: ['choose'] }),
    f('count', 'int', { types: ['repeat'] }), list('while', CONDITION, { types: ['repeat'] }), list('steps', STEP, { types: ['repeat'], required_for: ['repeat'] }),
    text('device', 'id', { types: ['run', 'command'] }), text('scenario', 'id', { types: ['run'], required_for: ['run'] }), text('command', 'id', { types: ['command'] }),
    f('await', 'bool', { types: ['run', 'command'], text: 'Goes on when it has ended; standard: a scenario no, a command yes' }), f('loop', 'object', { ref: LOOP, types: ['loop'], required_for: ['loop'] })] },
  { name: 'branch', typed: false, fields: [list('conditions', CONDITION), list('steps', STEP, { required: true })] },
  { name: 'condition', typed: true, fields: [f('type', 'enum', { required: true, words: ['flag', 'and', 'running'] }), text('flag', 'flag', { types: ['flag'] }), text('device', 'id', { types: ['running'] }), text('scenario', 'id', { types: ['running'] }), list('conditions', CONDITION, { types: ['and'], required_for: ['and'] })] },
  { name: 'trigger', typed: true, fields: [f('type', 'enum', { required: true, words: ['topic', 'time'] }), text('topic', 'filter', { types: ['topic'] })] },
  { name: 'variable', typed: false, fields: [text('name', 'variable', { required: true }), f('value', 'scalar')] },
  { name: 'template', typed: true, fields: [f('type', 'enum', { required: true, words: ['on_flag'] }), f('flag', 'object', { ref: FLAGS, types: ['on_flag'], required_for: ['on_flag'] })] },
  { name: 'flag', typed: false, fields: [list('rules', RULE, { required: true })] },
  { name: 'rule', typed: false, fields: [text('flag', 'flag', { required: true }), text('scenario', 'id')] },
  { name: 'topic', typed: false, fields: [text('name', 'name'), text('topic', 'topic')] },
  { name: 'command', typed: false, fields: [text('id', 'id'), text('topic', 'topic')] },
  { name: 'tab', typed: false, fields: [f('type', 'enum', { words: ['custom'] }), text('extra', 'payload', { alias: 'extra_payload' })] },
  { name: 'loop', typed: false, fields: [f('target_step', 'int'), f('max_iterations', 'int')] },
];
export const schema = indexSchema({ objects: objects() });
