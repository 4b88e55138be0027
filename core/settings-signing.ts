/** The rows of `signing`: docs/signing.md. */

import { row } from './settings-row.ts';

export const SIGNING_SETTINGS = {
  'signing.mode': row<string>({
    default: 'off',
    unit: 'choice',
    choices: ['off', 'required'],
    security: true,
    why: 'required: every commit of the history and every evidence is signed (docs/signing.md), and nothing is recorded while the key cannot be used',
  }),
  'signing.key': row<string>({
    default: '',
    unit: 'text',
    why: 'the private key, an OpenSSH ed25519 key file without passphrase, relative to docket.yaml, `~` is the home folder; empty: ~/.config/docket/signing_key, which `docket key new` makes; never inside the code repository, the queues or the history',
  }),
  'signing.signers': row<string>({
    default: '',
    unit: 'text',
    security: true,
    why: 'whose signatures `docket verify` takes: an allowed_signers file of OpenSSH, relative to docket.yaml; empty: only that signatures are whole is checked, not whose they are',
  }),
} as const;
