import { makeRig, submission, answer, value, collect } from '#test/history/rig.ts';
import { makeFs } from '#platform/files.ts';
import { randomBytes } from 'node:crypto';
let syncs = 0;
const rig = makeRig();
const h = await rig.open({ fs: makeFs({ onSync: () => { syncs++; } }) });
const text = (n: number): string => { const words = randomBytes(n).toString('base64'); return words.replace(/(.{70})/g, '$1\n').slice(0, n); };
let k = 0;
const make = () => { const i = k++; return submission({ feature: `FEAT-${Math.floor(i/30)}`, role: ['meta','architect','openapi','ui','integration'][i%5]!, revision: 1 + Math.floor((i%30)/5), prompt: text(2000 + (i*997)%6000) }); };
async function backlog(n: number): Promise<[number, number]> {
  const subs = Array.from({ length: n }, make);
  let t = performance.now();
  (await Promise.all(subs.map((s) => h.submit(s)))).map(value); const a = performance.now() - t;
  const ans = subs.map((s, i) => answer(s, { materials: ['spec', 'role', text(8000)], result: text(4000 + (i * 7919) % 36000) }));
  t = performance.now();
  (await Promise.all(ans.map((x) => h.record(x)))).map(value); return [a, performance.now() - t];
}
async function single(n: number): Promise<void> {
  const a: number[] = [], b: number[] = [];
  syncs = 0;
  for (let i = 0; i < n; i++) { const s = make(); const an = answer(s, { materials: ['spec', text(8000)], result: text(12000) });
    let t = performance.now(); value(await h.submit(s)); a.push(performance.now() - t); t = performance.now(); value(await h.record(an)); b.push(performance.now() - t); }
  const med = (x: number[]) => x.sort((p, q) => p - q)[Math.floor(x.length / 2)]!.toFixed(1);
  console.log('  single: submit p50', med(a), 'record p50', med(b), 'p95 record', b[Math.floor(b.length * .95)]!.toFixed(1), 'syncs/pair', (syncs / n).toFixed(1));
}
const show = (name: string, n: number, [a, b]: [number, number]) => console.log(name, `submit ${a.toFixed(0)} ms, record ${b.toFixed(0)} ms: ${(n / (a + b) * 1000).toFixed(0)} pairs/s`);
show('backlog 1000 at 0', 1000, await backlog(1000));
await single(100);
for (let i = 0; i < 4; i++) show('  ...', 1000, await backlog(1000));
show('backlog 1000 at 5,100', 1000, await backlog(1000));
await single(100);
let t = performance.now(); rig.assertClean(); console.log('clean', (performance.now() - t).toFixed(0));
console.log(rig.git('count-objects', '-vH'));
t = performance.now(); console.log('verify', (await collect(h.verify())).length, (performance.now() - t).toFixed(0));
await h.close();
t = performance.now(); const h2 = await rig.open(); console.log('open', (performance.now() - t).toFixed(0));
t = performance.now(); console.log('find oldest', (await h2.find(submission({ feature: 'FEAT-0', role: 'meta' }).identity))?.status, (performance.now() - t).toFixed(0));
console.log('rss MB', process.memoryUsage().rss / 1e6);
await rig.end();
