// yaml.js - a configuration as YAML text. Reading YAML is the hub's. Pure.

const PLAIN = /^[A-Za-z_/][\w ./+-]*$/;
const WORDS = /^(true|false|null|yes|no|on|off|y|n)$/i;

const scalar = (v) => (typeof v === 'string' && PLAIN.test(v) && !v.endsWith(' ') && !WORDS.test(v) ? v : JSON.stringify(v));
const isOpen = (v) => v && typeof v === 'object' && Object.keys(v).length > 0;

function lines(value, indent) {
  const pad = '  '.repeat(indent);
  if (Array.isArray(value)) {
    return value.flatMap((v) => {
      if (!isOpen(v)) return [`${pad}- ${scalar(v)}`];
      const [first, ...rest] = lines(v, indent + 1);
      return [`${pad}- ${first.trimStart()}`, ...rest];
    });
  }
  return Object.entries(value).flatMap(([k, v]) => (isOpen(v) ? [`${pad}${scalar(k)}:`, ...lines(v, indent + 1)] : [`${pad}${scalar(k)}: ${scalar(v)}`]));
}

export const toYaml = (value) => (isOpen(value) ? lines(value, 0).join('\n') : scalar(value)) + '\n';
