/** The form of a signed envelope as a schema, for programs that read it: schemas/envelope.schema.json is printed from here, and a test holds a real one against it. */

import { z } from 'zod';

const base64 = z.string().regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);

/** DSSE 1.0 as docket writes it: one signature, keys in this order. */
export const envelopeSchema = z.strictObject({
  payloadType: z.string().describe('application/vnd.in-toto+json: an in-toto Statement, such as evidence'),
  payload: base64.describe('the bytes of the file beside it'),
  signatures: z
    .array(
      z.strictObject({
        keyid: z
          .string()
          .regex(/^SHA256:[A-Za-z0-9+/]{43}$/)
          .describe("the key's fingerprint, as `ssh-keygen -l` prints it"),
        sig: base64.describe('ed25519, 64 bytes, over DSSEv1 <length of payloadType> <payloadType> <length of payload> <payload>'),
      }),
    )
    .min(1),
});

export const envelopeJsonSchema = (): unknown => ({
  ...z.toJSONSchema(envelopeSchema),
  title: 'envelope',
  description: 'A DSSE envelope: out/<name>_evidence.dsse.json, and beside each evidence file of the history, with signing on',
});
