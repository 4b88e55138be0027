/** Where a secret stands does not matter: docket's own rules, by planting and by chance. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { findSecrets } from '#policy/find-secrets.ts';
import { maskFindings, maskSecrets } from '#policy/mask.ts';
import { scanText, type TextFinding } from '#policy/scan-text.ts';
import { KINDS, plant, randomOf } from '../../bench/secrets-corpus.ts';
import { noise, whole } from './fakes.ts';

const seeds = fc.integer({ min: 0, max: 1_000_000 });
const token = (seed: number): string => whole(`gh|p_${noise(36, 'alnum', seed + 1)}`);
const holds = (found: readonly TextFinding[], text: string, secret: string): boolean =>
  found.some(({ from, to }) => text.slice(from, to) === secret);

describe('each kind of the corpus', () => {
  for (const kind of KINDS.filter(({ group }) => group === 'provider'))
    test(`${kind.id}: is found, and named without its secret`, () => {
      for (let n = 0; n < 10; n++) {
        const { text, from, to } = plant(kind, randomOf(n));
        const found = scanText(text).filter((one) => one.from < to && from < one.to);
        assert.ok(found.length > 0, 'nothing was found');
        const secret = text.slice(from, to);
        for (const { rule, excerpt } of found) {
          assert.ok(!excerpt.includes(secret) && !rule.includes(secret));
          assert.match(excerpt, /\*\*\*\*$/);
        }
        assert.deepEqual(scanText(maskFindings(text, scanText(text))), [], 'the masked text is not clean');
      }
    });
});

describe('by chance', () => {
  const words = fc.array(fc.constantFrom('word', 'Zwölf', '日本語', '🎉', 'a-b', '1.2.3', '"x"', '{', '}', 'key', 'value'), {
    maxLength: 40,
  });
  const ends = fc.constantFrom('\n', '\r\n', ' ', '\t', '", "', '`', ') (', '>\n<', ': ', '=', '\\n', '%20', '\u00a0', '|');

  test('a token is found behind and before anything, at its very place', () => {
    fc.assert(
      fc.property(seeds, words, words, ends, ends, (seed, before, after, left, right) => {
        const secret = token(seed);
        const text = `${before.join(' ')}${left}${secret}${right}${after.join('\r\n')}`;
        assert.ok(holds(scanText(text), text, secret), JSON.stringify({ left, right }));
      }),
    );
  });

  test('its line and column are those that an editor shows', () => {
    fc.assert(
      fc.property(
        seeds,
        fc.array(fc.constantFrom('', 'text', '\ttab', 'ü 🎉'), { maxLength: 30 }),
        fc.constantFrom('\n', '\r\n'),
        (seed, lines, end) => {
          const secret = token(seed);
          const [found] = scanText([...lines, `  ${secret}`, ''].join(end));
          assert.deepEqual([found?.line, found?.column], [lines.length + 1, 3]);
        },
      ),
    );
  });

  test('a cut between two pieces hides nothing', () => {
    fc.assert(
      fc.property(
        seeds,
        fc.integer({ min: -60, max: 20 }),
        fc.constantFrom(256 * 1024, 256 * 1024 - 16 * 1024, 512 * 1024 - 16 * 1024),
        (seed, shift, cut) => {
          const secret = token(seed);
          const text = `${'word '.repeat(cut / 5 + 20).slice(0, cut + shift - 1)} ${secret} end`;
          assert.ok(holds(scanText(text), text, secret));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('base64 around it, plain, for addresses, wrapped and indented, hides nothing', () => {
    const forms = [
      (text: string): string => Buffer.from(text).toString('base64'),
      (text: string): string => Buffer.from(text).toString('base64url'),
      (text: string): string => Buffer.from(text).toString('base64').replace(/.{64}/g, '$&\n'),
      (text: string): string => Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\r\n    '),
      (text: string): string => Buffer.from(text, 'utf16le').toString('base64'),
    ];
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 200 }), fc.constantFrom(...forms), (seed, before, form) => {
        const inside = `${'some plain words, '.repeat(12).slice(0, before)} ${token(seed)}\n`;
        const text = `---\nfeature: F-1\n---\nblob: ${form(inside)} end\n`;
        const found = scanText(text);
        assert.deepEqual(
          found.map(({ rule, line }) => [rule, line]),
          [['base64:github-token', 4]],
        );
      }),
    );
  });

  test('both scanners agree where docket’s own rules find something, and neither tells any of it', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.constantFrom(...KINDS), async (seed, kind) => {
        const { text } = plant(kind, randomOf(seed));
        const all = await findSecrets(text);
        for (const { from, to } of scanText(text)) assert.ok(all.some((one) => one.from < to && from < one.to));
        const said = JSON.stringify(all);
        for (const { from, to } of all) assert.ok(!said.includes(text.slice(from, to).slice(-12)), kind.id);
      }),
      { numRuns: 60 },
    );
  });
});

test('long identifiers with the prefix of a token are none', () => {
  for (const text of [
    'vca_some_long_snake_case_identifier_of_a_module',
    `pa-${'some-kebab-case-class-name-'.repeat(2).slice(0, 43)}`,
    'fw_getTheVeryLongNameOfAll',
    'nfc_antennaPowerControlRegisterOfTheReader',
    'tfp_distributions.normal_distribution_with_a_long_name.mean',
    'sk-some-kebab-case-thing and npm_config_registry_url_of_the_whole_organisation',
  ])
    assert.deepEqual(scanText(`use ${text} here`), [], text);
});

test('a byte order mark moves no place', () => {
  const secret = token(1);
  const text = `\uFEFF${secret}`;
  assert.deepEqual(
    scanText(text).map(({ from, to, line, column }) => [text.slice(from, to), line, column]),
    [[secret, 1, 1]],
  );
});

test('a private key is masked to its end', () => {
  const dashes = '-'.repeat(5);
  const key = `${dashes}BEGIN EC PRIVATE KEY${dashes}\nMHcCAQEEI${noise(55, 'base64')}\n${noise(64, 'base64', 3)}\n${dashes}END EC PRIVATE KEY${dashes}`;
  assert.equal(maskSecrets(`before\n${key}\nafter`), 'before\nREDACTED-private-key\nafter');
  assert.equal(maskSecrets('nothing here'), 'nothing here');
});

test('a provider’s own `_test_` is no word of a manual, and its published key is', () => {
  assert.equal(scanText(whole(`sk|_test_${noise(24)}`))[0]?.rule, 'stripe-key');
  assert.deepEqual(scanText(whole(`sk|_test_4eC39HqLyjWDarjtT1zdp7dc`)), []);
});
