/** `npm run release:sign -- --key <file>`: signs the checksums of a release. The private key is a person's own (`docket key new <file>`), and never in this repository. */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { KEY_FILE, LIST_FILE, RELEASE_NAMESPACE, SIGNATURE_FILE } from '#cli/release-list.ts';
import { makeSigner, readKeyFile } from '#history/signer.ts';
import { makeSshSignature } from '#history/ssh-signature.ts';
import { makeFs } from '#platform/files.ts';
import { userId } from '#platform/system.ts';
import { writeSums } from './release-sums.ts';

const { key, root } = parseArgs({
  options: { key: { type: 'string' }, root: { type: 'string', default: path.resolve(import.meta.dirname, '..') } },
}).values;
if (key === undefined) {
  console.error('say which key: npm run release:sign -- --key <file>');
  process.exit(2);
}
const read = await readKeyFile({
  fs: makeFs(),
  keyFile: path.resolve(key),
  userId: userId(),
  forbidden: () => Promise.resolve([{ folder: root, what: "docket's own repository" }]),
});
if (!read.ok) {
  console.error(read.error);
  process.exit(3);
}
const signer = makeSigner(read.value.key);
const bytes = writeSums(root);
writeFileSync(path.join(root, SIGNATURE_FILE), makeSshSignature(signer, RELEASE_NAMESPACE, bytes));
writeFileSync(path.join(root, KEY_FILE), `${signer.publicLine}\n`);
console.log(
  `${LIST_FILE} signed by ${signer.fingerprint}: publish this fingerprint elsewhere than in the package (docket doctor --release-key)`,
);
