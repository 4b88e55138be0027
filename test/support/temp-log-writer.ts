/** A process that logs 1,000 lines and then ends without goodbye: `<folder> exit|throw|kill`. */

import { makeLog } from '#platform/log.ts';

const [folder = '', end] = process.argv.slice(2);
const log = makeLog({ folder, level: 'info', maxBytes: 20_000, keep: 1000, terminal: false, color: false });
for (let line = 0; line < 1000; line++) log.info(`line ${String(line)}`, { line });
if (end === 'throw') process.nextTick(() => JSON.parse('{') as unknown);
if (end === 'kill') process.kill(process.pid, 'SIGKILL');
if (end === 'exit') process.exit(0);
