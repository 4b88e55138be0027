import { explore } from './test/slow/model/explore.ts';
import { SCENARIOS } from './test/slow/model/scenarios.ts';
const only = process.argv[2]; const fan = JSON.parse(process.argv[3] ?? '[]');
for (const s of SCENARIOS) { if (only && only !== 'all' && !s.name.includes(only)) continue;
 const t = performance.now(); const c0=process.cpuUsage();
 const f = await explore(s, { seed: 1, fan });
 const c=process.cpuUsage(c0);
 console.log(`${s.name}: ${f.states} states, ${f.crashes} crashes, ${f.byCrashes}, ${((c.user+c.system)/1000/f.states).toFixed(2)} cpu-ms each, ${((performance.now()-t)/1000).toFixed(1)} s; bad ${f.bad.length}`);
 for (const b of f.bad.slice(0, 4)) console.log('   ', b);
}
