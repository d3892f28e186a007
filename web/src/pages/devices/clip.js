// clip.js - what is cut and copied, as JSON text that a person can read and another hub can take. Pure.

export const KINDS = { step: 'steps', condition: 'conditions', trigger: 'triggers', branch: 'branches', scenario: 'scenarios', device: 'devices' };

export const toClip = (kind, items) => JSON.stringify({ nuthatch: KINDS[kind], items }, null, 2);

// {items} that fit a list of `kind`, or {finding}. Bare JSON is taken as well: one object, or a list of them.
export function fromClip(text, kind) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return { finding: 'The clipboard has no JSON. Nothing was changed.' };
  }
  const named = value && value.nuthatch;
  if (named && named !== KINDS[kind]) return { finding: `The clipboard has ${named}; here ${KINDS[kind]} fit. Nothing was changed.` };
  const items = named ? value.items : Array.isArray(value) ? value : [value];
  const isTyped = ['step', 'condition', 'trigger'].includes(kind);
  const fits = (o) => o && typeof o === 'object' && !Array.isArray(o) && (!isTyped || typeof o.type === 'string');
  if (!Array.isArray(items) || !items.length || !items.every(fits)) return { finding: `The clipboard has no ${KINDS[kind]}. Nothing was changed.` };
  return { items };
}
