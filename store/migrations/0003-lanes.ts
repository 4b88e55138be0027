/** What a lane remembers beside its hold: cause, tries, window and circuit, as JSON (core/lane.ts). `lane_hold` stays as it was: its sums hold. */
export const lanes = `
  CREATE TABLE lane_state (lane TEXT PRIMARY KEY, record TEXT NOT NULL, at TEXT NOT NULL, crc INTEGER) STRICT, WITHOUT ROWID;
`;
