/** JSON Schemas (2020-12) of what people write, made from the schemas that parse it, for editors and other programs. */

import { z } from 'zod';
import { PROMPT_SCHEMA } from './fields.ts';
import { ROLE_SCHEMA } from './role.ts';
import { SPEC_SCHEMA } from './spec.ts';

type SchemaFile = { readonly name: string; readonly text: string };

const SOURCES = [
  { name: 'prompt.schema.json', title: 'Front matter of a docket prompt', schema: PROMPT_SCHEMA },
  { name: 'role.schema.json', title: 'role.yaml of a docket role', schema: ROLE_SCHEMA },
  { name: 'prompt-spec.schema.json', title: 'Front matter of a docket prompt spec', schema: SPEC_SCHEMA },
] as const;

/** Every file of schemas/, in bytes that are the same on every machine. */
export function jsonSchemas(): readonly SchemaFile[] {
  return SOURCES.map(({ name, title, schema }) => {
    const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' });
    const document = { $schema, $id: `urn:docket:schema:${name.replace('.schema.json', '')}:v1`, title, ...rest };
    return { name, text: `${JSON.stringify(document, null, 2)}\n` };
  });
}
