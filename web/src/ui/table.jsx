// table.jsx - a table whose headers sort. A column is {label, cell(row), sort(row), r, class, width}.
// `order`: the state [sort, setSort] of who has the rows sorted elsewhere.

import { useMemo, useState } from 'preact/hooks';

export function Table({ label, columns, rows, rowKey, rowClass, onRow, foot, empty, order }) {
  const own = useState(null);
  const [sort, setSort] = order || own; // [place of the column, 1 | -1]
  const sorted = useMemo(() => (order ? rows : sortRows(columns, rows, sort)), [rows, sort]);
  // First press: figures from the greatest, words from A; second: the other way; third: as it came.
  const press = (c, i) => {
    const begin = c.r ? -1 : 1;
    const now = sort && sort[0] === i ? sort[1] : 0;
    setSort(now === 0 ? [i, begin] : now === begin ? [i, -begin] : null);
  };
  return (
    <div class="scroll">
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map((c, i) => {
              const dir = sort && sort[0] === i ? sort[1] : 0;
              return (
                <th scope="col" class={cls(c)} style={c.width && { width: c.width }}
                  aria-sort={dir ? (dir > 0 ? 'ascending' : 'descending') : undefined}>
                  {c.sort ? <button type="button" class="sort" onClick={() => press(c, i)}>{c.label}</button> : c.label}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={rowKey(row)} class={rowClass ? rowClass(row) : undefined}
              onClick={onRow ? () => onRow(row) : undefined}>
              {columns.map((c) => <td class={cls(c)}>{c.cell(row)}</td>)}
            </tr>
          ))}
          {!rows.length && empty && <tr><td class="none" colSpan={columns.length}>{empty}</td></tr>}
          {foot}
        </tbody>
      </table>
    </div>
  );
}

// A column of figures: what is shown and what is sorted by come from `of(row)`.
export const num = (label, of, show, extra) => ({ label, r: true, cell: (row) => show(of(row)), sort: of, ...extra });

const cls = (c) => `${c.r ? 'r' : ''} ${c.class || ''}`.trim() || undefined;

function sortRows(columns, rows, sort) {
  const by = sort && columns[sort[0]];
  if (!by) return rows;
  const order = (a, b) => (typeof a === 'string' ? a.localeCompare(b) : a - b);
  return [...rows].sort((a, b) => sort[1] * order(by.sort(a), by.sort(b)));
}
