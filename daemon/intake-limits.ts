/** How much the intake does at once (intake.ts). */

/** Files of a role that are looked at for the first time in one step; fewer in the very first one, because every lane is empty and waits for it. */
export const LOOKS_MAX = 1_000;
export const FIRST_LOOKS_MAX = 250;
/** How long one step may read heads before claims have their turn. */
export const STEP_MS = 150;
export const FIRST_STEP_MS = 50;
export const HEADS_AT_ONCE = 64;
/** Names that are remembered between two looks; beyond them everything is looked at. */
export const NOTICED_MAX = 2_000;
