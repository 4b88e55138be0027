/** A process that starts a program behind the gate and then waits to be killed, or says go: `<folder> <program> [args…]`. */

import { makeProcesses } from '#platform/process.ts';

const [folder = '', program = '', ...args] = process.argv.slice(2);
const started = await makeProcesses().start({
  program,
  args,
  env: { PATH: '/usr/bin:/bin' },
  cwd: folder,
  stdinPath: '/dev/null',
  stdoutPath: `${folder}/stdout`,
  stderrPath: `${folder}/stderr`,
  gate: true,
});
process.send?.({ pid: started.pid, startTime: started.startTime });
process.once('message', () => {
  started.go();
  started.onExit((code, signal) => process.send?.({ code, signal }));
});
