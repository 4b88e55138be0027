import { makeRig, submission, answer, value, collect } from '#test/history/rig.ts';
import { makeFs } from '#platform/files.ts';
let syncs = 0;
const fs = makeFs({ onSync: () => { syncs++; } });
const rig = makeRig();
let t = performance.now();
const h = await rig.open({ fs });
console.log('first open', performance.now()-t, 'syncs', syncs); syncs = 0;
t = performance.now(); const hh = await rig.open(); console.log('second open', performance.now()-t); await hh.close();
const one: number[] = [];
for (let i = 0; i < 60; i++) {
  const s = submission({ feature: `FEAT-${i%10}`, revision: i+1, prompt: `prompt ${i}\n`.repeat(300) });
  const t0 = performance.now(); value(await h.submit(s)); const t1 = performance.now();
  value(await h.record(answer(s, { result: `text ${i}\n`.repeat(1500), materials: [`m ${s.job}`.repeat(300)] }))); const t2 = performance.now();
  one.push(t1-t0, t2-t1);
}
one.sort((a,b)=>a-b); console.log('single p50', one[60], 'p95', one[114], 'syncs per commit', syncs/120);
t = performance.now(); for (let i=0;i<10;i++) rig.git('status','--porcelain'); console.log('git status', (performance.now()-t)/10);
t = performance.now(); for (let i=0;i<3;i++) rig.git('fsck', '--full', '--strict'); console.log('git fsck', (performance.now()-t)/3);
const subs = Array.from({length: 1000}, (_, i) => submission({feature: `FEAT-${i%167}`, featureName: `FEAT-${i%167}-feature`, revision: 100+Math.floor(i/167), prompt: `prompt ${i}\n`.repeat(300)}));
t = performance.now();
(await Promise.all(subs.map(s=>h.submit(s)))).map(value);
const a = performance.now()-t; t=performance.now();
(await Promise.all(subs.map(s=>h.record(answer(s, {materials:[`m ${s.job}`.repeat(300)], result: `text ${s.job}\n`.repeat(900)}))))).map(value);
const b = performance.now()-t;
console.log('backlog 1000: submit', a, 'record', b, 'pairs/s', 1000/((a+b)/1000));
rig.assertClean();
await rig.end();
