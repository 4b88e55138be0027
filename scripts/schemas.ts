/** Writes schemas/*.json from the code that parses those formats. With --check it writes nothing and fails when they differ. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { profileJsonSchema } from '#agents/profile-file.ts';
import { daemonsJsonSchema } from '#cli/schema-daemons.ts';
import { envelopeJsonSchema } from '#cli/schema-envelope.ts';
import { evidenceJsonSchema } from '#cli/schema-evidence.ts';
import { panesJsonSchema } from '#cli/schema-panes.ts';
import { reviewJsonSchemas } from '#cli/schema-review.ts';
import { checkpointJsonSchema, verifyJsonSchema } from '#cli/schema-verify.ts';
import { exportJsonSchemas } from '#cli/schema-export.ts';
import { workOnJsonSchema } from '#cli/schema-work-on.ts';
import { worktreeJsonSchema } from '#cli/schema-worktree.ts';
import { jsonSchemas } from '#prompt-spec/json-schema.ts';

const folder = join(import.meta.dirname, '..', 'schemas');
const isCheck = process.argv.includes('--check');

const present = (name: string): string | null => (readdirSync(folder).includes(name) ? readFileSync(join(folder, name), 'utf8') : null);

const wanted = [
  ...jsonSchemas(),
  ...exportJsonSchemas(),
  ...reviewJsonSchemas(),
  { name: 'tool-profile.schema.json', text: profileJsonSchema() },
  { name: 'daemons.schema.json', text: `${JSON.stringify(daemonsJsonSchema(), null, 2)}\n` },
  { name: 'envelope.schema.json', text: `${JSON.stringify(envelopeJsonSchema(), null, 2)}\n` },
  { name: 'panes.schema.json', text: `${JSON.stringify(panesJsonSchema(), null, 2)}\n` },
  { name: 'evidence.schema.json', text: `${JSON.stringify(evidenceJsonSchema(), null, 2)}\n` },
  { name: 'verify.schema.json', text: `${JSON.stringify(verifyJsonSchema(), null, 2)}\n` },
  { name: 'work-on.schema.json', text: `${JSON.stringify(workOnJsonSchema(), null, 2)}\n` },
  { name: 'worktree.schema.json', text: `${JSON.stringify(worktreeJsonSchema(), null, 2)}\n` },
  { name: 'checkpoint.schema.json', text: `${JSON.stringify(checkpointJsonSchema(), null, 2)}\n` },
];
const stale = wanted.filter(({ name, text }) => present(name) !== text);
if (!isCheck) for (const { name, text } of stale) writeFileSync(join(folder, name), text);
for (const { name } of stale)
  console.log(isCheck ? `schemas/${name} is not what the code says: run node scripts/schemas.ts` : `schemas/${name} written`);
if (isCheck && stale.length > 0) process.exitCode = 1;
