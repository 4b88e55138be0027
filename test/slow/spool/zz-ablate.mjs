import { makeDigest } from '#platform/digest.ts';
import { makeSpool } from '#spool/spool.ts';
import { makeFaultyFs, Stop } from '#test/support/faulty-fs.ts';
import { makeSimFs } from '#test/support/sim-fs.ts';
import { answer, makeHandClock, makeLog, recover, ROLE, SETTINGS, complete } from '#test/spool/rig.ts';
const Q='/queues', role=`${Q}/${ROLE.folder}`, PROMPT='a prompt that must survive';
const spoolOn=(fs,clock)=>makeSpool({queues:Q,roles:[ROLE],fs,clock,digest:makeDigest(),log:makeLog(),settings:SETTINGS,processId:'1'});
const ablated=(fs,i,names)=>{ let n=0; const hit=(nm)=>{n++; names[n]=nm; return n===i;}; return {...fs,
 writeNew:(f,b,w,m)=>hit('writeNew '+f.split('/').pop()+' '+w)?fs.writeDerived(f,b,m).then(()=>{}):fs.writeNew(f,b,w,m),
 replace:async(f,b,w,m)=>{ if(!hit('replace '+f.split('/').pop()+' '+w)) return fs.replace(f,b,w,m); await fs.writeDerived(f+'.tmp',b,m); await fs.rename(f+'.tmp',f);},
 syncFile:(f,w)=>hit('syncFile '+f.split('/').pop()+' '+w)?Promise.resolve():fs.syncFile(f,w),
 syncFolder:(f,w)=>hit('syncFolder '+f.split('/').pop()+' '+w)?Promise.resolve():fs.syncFolder(f,w)};};
const proc=async(spool,clock)=>{ await spool.scan(); clock.advance(10000); for(const one of await spool.claim((await spool.scan()).waiting)){ const {claimed}=await spool.read(one.dir,one.id,one.waiting.folder); await complete(spool,claimed,answer()); } };
const contents=async(fs,dir)=>{const m=new Map(); for(const e of await fs.list(dir)) if(e.kind==='file') m.set(e.name,Buffer.from((await fs.readBounded(dir+'/'+e.name,1e5)).bytes).toString()); return m;};
for(let i=1;i<40;i++){ const names=[]; let bad=0,cuts=0; const why=new Set();
 for(let at=1,over=false;!over&&at<60;at++){ const sim=makeSimFs(); const clock=makeHandClock(); await spoolOn(sim.fs,clock).prepare(); sim.cut(()=>true);
  const fs=makeFaultyFs(ablated(sim.fs,i,names),{at,act:'stop'}); const sp=spoolOn(fs,clock); let dropped=false; over=true;
  try{ await sp.drop(ROLE.name,'foo',PROMPT); dropped=true; await proc(sp,clock);}catch(e){ if(!(e instanceof Stop)) throw e; over=false; }
  for(let r=0;r<40;r++){ const s=sim.copy(); const share=r===0?0:r===1?1:Math.random(); s.cut(()=>Math.random()<share); cuts++; const last=spoolOn(s.fs,clock); let p=null;
   try{ await recover(last); await proc(last,clock); const inn=await contents(s.fs,role+'/in'), out=await contents(s.fs,role+'/out');
    if(!dropped&&inn.size===0&&out.size===0) p=null; else if([...inn.keys()].join()!=='foo.processed') p='in '+[...inn.keys()]; else if(inn.get('foo.processed')!==PROMPT) p='input damaged'; else if([...out.keys()].sort().join()!=='foo_evidence.json,foo_result.md') p='out '+[...out.keys()]; else { const run=/^\{"run":"([0-9]+)"\}$/.exec(out.get('foo_evidence.json'))?.[1]; if(run===undefined||out.get('foo_result.md')!=='answer '+run) p='result damaged'; else if((await s.fs.list(role+'/work')).length) p='work'; }
   }catch(e){p=String(e).slice(0,60).replace(/[a-z2-7]{16}/g,'J');} if(p){bad++; why.add(p);} } }
 if(names[i]===undefined) break; console.log(i,names[i].replace(/[a-z2-7]{16}/,'<job>').replace(/-1-[0-9a-f]+/,''),'bad',bad,'of',cuts,[...why].slice(0,2).join(' | ')); }
