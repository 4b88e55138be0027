import { writeFileSync } from 'node:fs'; import path from 'node:path';
import { makeRig } from '#test/spool/rig.ts';
const rig = makeRig(null); const spool = rig.spool(); await spool.prepare();
for (let i=0;i<10000;i++) writeFileSync(path.join(rig.in, `prompt-${i}.md`), `---\nfeature: FEAT-${i}\n---\n`+'text '.repeat(200));
const r=(s: string)=>console.log(s,(process.memoryUsage().rss/1e6).toFixed(0),(process.memoryUsage().heapTotal/1e6).toFixed(0),(process.memoryUsage().heapUsed/1e6).toFixed(0));
r('start'); await spool.scan(); r('scan1'); rig.clock.advance(1000); let w=(await spool.scan()).waiting; r('scan2');for (const x of w) await spool.head(x); r('heads');
const t=performance.now();
for (let k=0;k<40;k++){ await new Promise(s=>setTimeout(s,100)); rig.clock.advance(5000); await spool.scan(); if (k%8===7) r('idle '+k); } console.log((performance.now()-t)/40-100,'ms each');
for (let k=0;k<40;k++){ await new Promise(s=>setTimeout(s,100)); rig.clock.advance(500); const w=(await spool.scan()).waiting; for (const c of await spool.claim(w.slice(0,20))) await spool.read(c.dir,c.id,c.waiting.folder); if (k%8===7) r('drain '+k); }
