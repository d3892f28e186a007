// columns.js - the columns of a row of /api/memory/history.

export const T = 0;
export const I_FREE = 1;
export const I_MIN = 2;
export const I_LARGEST = 3;
export const I_FRAG = 4;
export const P_FREE = 5;
export const P_MIN = 6;
export const P_LARGEST = 7;
export const P_FRAG = 8;
export const TAG = 9;
