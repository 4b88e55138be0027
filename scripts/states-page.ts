/** docs/state_machine.md as text: printed from the table that the journal enforces (core/states.ts, store/moves.ts). */

import { LANE_MEANS, LANE_MOVES, LANE_STATES } from '#core/lane.ts';
import { JOB_STATES, MOVES, PHASES, STATES } from '#core/states.ts';
import { judgeMove, type Verdict } from '#store/moves.ts';

const SIGNS: Readonly<Record<Verdict, string>> = { go: 'yes', stay: 'stays', refuse: '-' };

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = head.map((cell, column) => Math.max(cell.length, 3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width, fill)).join(' | ')} |`;
  return [line(head), line([], '-'), ...rows.map((row) => line(row))].join('\n');
};

const code = (text: string): string => `\`${text}\``;

const drawing = (): string =>
  [
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> claimed',
    ...MOVES.filter(({ from, to }) => from !== to).map(({ from, to }) => `  ${from} --> ${to}`),
    '  done --> [*]',
    '```',
  ].join('\n');

const laneDrawing = (): string =>
  [
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> open',
    ...LANE_MOVES.filter(({ from, to }) => from !== to).map(({ from, to }) => `  ${from} --> ${to}`),
    '```',
  ].join('\n');

export const renderStates = (): string =>
  `# The states of a job, and of a lane

<!-- printed by \`npm run states\` from core/states.ts and core/lane.ts: do not edit -->

A job is one prompt on its way through one role's queue. The journal (\`queues/.docket/journal.db\`) holds its state and takes only the moves of
this page; the files in \`work/\` and the history are the truth, the journal follows them.

${drawing()}

## What a state means

${table(
  ['state', 'what is true, and durable'],
  JOB_STATES.map((state) => [code(state), STATES[state]]),
)}

## Moves

${table(
  ['from', 'to', 'when'],
  MOVES.map(({ from, to, when }) => [code(from), code(to), when]),
)}

## Repeated steps

After a crash recovery goes through a job's steps again, and the journal may be ahead of the step that is repeated. Such a step leaves the job where it is.

${table(
  ['phase', 'states', 'steps that may be repeated'],
  PHASES.map(({ name, states, repeated }) => [name, states.map(code).join(' '), repeated.map(code).join(' ')]),
)}

## Every move that can be asked for

\`yes\`: the state changes. \`stays\`: a repeated step, nothing changes. \`-\`: refused; the whole change is undone, its caller is told, and the journal
keeps an event \`refused\` with the job and both states.

${table(
  ['from \\ to', ...JOB_STATES.map(code)],
  JOB_STATES.map((from) => [code(from), ...JOB_STATES.map((to) => SIGNS[judgeMove(from, to)])]),
)}

# The states of a lane

A lane is the schedule of one provider account. Its hold, window and circuit are in the journal and survive a restart; a move that is not here is a bug
and stops nothing but the run that asked for it. A pause by a person (\`docket pause\`) is no state: whatever the state, nothing starts until
\`docket resume\`.

${laneDrawing()}

${table(
  ['state', 'what it means'],
  LANE_STATES.map((state) => [code(state), LANE_MEANS[state]]),
)}

${table(
  ['from', 'to', 'when'],
  LANE_MOVES.map(({ from, to, when }) => [code(from), code(to), when]),
)}
`;
