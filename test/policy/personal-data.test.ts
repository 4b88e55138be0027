import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import * as fc from 'fast-check';
import { makeFingerprint } from '#platform/fingerprint.ts';
import { findPersonalData, isIban, isLuhn } from '#policy/personal-data.ts';
import { makeSecretScan } from '#policy/secret-scan.ts';
import { noise, whole } from './fakes.ts';

const kinds = (text: string): string[] => findPersonalData(text).map(({ rule }) => rule.replace('personal-data/', ''));

/** With its check digit. */
const card = (digits: string): string => Array.from('0123456789', (last) => `${digits}${last}`).find(isLuhn) ?? '';

describe('personal data by forms that can be checked', () => {
  const found: Readonly<Record<string, readonly string[]>> = {
    'e-mail': ['jane.doe@gmail.com', 'mail <j.m+x@uni-berlin.de>.', '"author": "A B <ab@posteo.net>"'],
    telephone: ['+49 30 901824410', 'call +1 (415) 867-5309', '+44 20 7031 3000.'],
    'payment-card': ['4539 1488 0343 6467', card('601193817204551'), card('37149284610573').replace(/^(.{4})(.{6})/, '$1-$2-')],
    'bank-account': ['DE75 5121 0800 1245 1261 99', 'NL02ABNA0123456789', 'FR76 3000 6000 0112 3456 7890 189'],
  };
  for (const [kind, texts] of Object.entries(found))
    for (const text of texts)
      test(`${kind}: ${text}`, () => {
        assert.deepEqual(kinds(text), [kind]);
      });

  const harmless = [
    'you@example.com, git@github.com:a/b.git, noreply@anthropic.com, 12345+ada@users.noreply.github.com, dependabot[bot]@x.io',
    'pkg@1.2.3 @types/node@24.19.2 import x from "y@z.js" icon@2x.png https://user:pw@host.com/ a@b',
    '4242 4242 4242 4242, 4111111111111111, 1234567890123456, 2025-12-09T22:37:00+01:00, 9007199254740991',
    'GB82 WEST 1234 5698 7654 32, DE89370400440532013000, AB12CDEF3456GHIJ78, FEAT-1234 5678 9012',
    '+1 555 0100, a+12345678, 1+234567890, commit +1234567 lines, 10+20+30, +12345678901',
    `sha ${noise(40, 'hex')} id 123e4567-e89b-12d3-a456-426614174000`,
  ];
  for (const text of harmless)
    test(`none in: ${text.slice(0, 60)}`, () => {
      assert.deepEqual(kinds(text), []);
    });

  test('a card or an account with one digit changed is none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 14 }), fc.integer({ min: 1, max: 9 }), (at, by) => {
        const digits = '4539148803436467';
        const changed = `${digits.slice(0, at)}${String((Number(digits.charAt(at)) + by) % 10)}${digits.slice(at + 1)}`;
        assert.equal(isLuhn(digits), true);
        assert.equal(isLuhn(changed), false);
        const iban = 'DE75512108001245126199';
        const other = `${iban.slice(0, at + 4)}${String((Number(iban.charAt(at + 4)) + by) % 10)}${iban.slice(at + 5)}`;
        assert.equal(isIban(iban), true);
        assert.equal(isIban(other), false);
      }),
    );
  });

  test('places are told, texts are not', () => {
    const text = `first\r\nwrite to jane.doe@gmail.com\n`;
    assert.deepEqual(findPersonalData(text), [{ rule: 'personal-data/e-mail', from: 16, to: 34, excerpt: '****', line: 2, column: 10 }]);
  });

  test('a megabyte of what begins like it ends soon', () => {
    for (const text of [
      'a'.repeat(1_000_000),
      'a@'.repeat(500_000),
      '+49 '.repeat(250_000),
      '4111 '.repeat(200_000),
      'DE12 '.repeat(200_000),
      'a.'.repeat(500_000),
    ])
      assert.ok(findPersonalData(text).length <= 50);
  });
});

describe('what a person lets pass, and what only warns', () => {
  const fingerprint = makeFingerprint(Buffer.alloc(32, 7));
  const secret = whole(`gh|p_${noise(36)}`);
  const other = whole(`np|m_${noise(36)}`);
  const row = { fingerprint: fingerprint(secret), reason: 'the key of a manual', by: 'Ada' };
  const scans = (['off', 'warn', 'hold'] as const).map((personalData) =>
    makeSecretScan({ deadlineMs: 20_000, fingerprint, allowed: [row], personalData }),
  );
  after(async () => Promise.all(scans.map(async (scan) => scan.close())));
  const [off, warn, hold] = scans;

  test('a fingerprint says nothing without the key, and is the same for the same secret', () => {
    assert.match(row.fingerprint, /^hmac:[0-9a-f]{32}$/);
    assert.notEqual(makeFingerprint(Buffer.alloc(32, 8))(secret), row.fingerprint);
    assert.equal(fingerprint(secret), row.fingerprint);
  });

  test('an allowed secret passes wherever it stands, and is told for the evidence', async () => {
    for (const text of [secret, `\uFEFFx ${secret}\r\n`, `a\n  token: "${secret}" ${secret}`]) {
      const result = await off?.scan('prompt', text);
      assert.ok(result?.ok === true);
      const { value } = result;
      assert.deepEqual([value?.allowed[0], value?.personal], [{ ...row, rule: 'github-token' }, {}]);
    }
  });

  test('beside an allowed one another is held, with its fingerprint', async () => {
    const result = await off?.scan('answer', `${secret}\n${other}`);
    assert.ok(result?.ok === false && result.error.kind === 'secret-found');
    assert.deepEqual(result.error.findings, [
      { rule: 'npm-token', line: 2, column: 1, excerpt: 'npm_****', fingerprint: fingerprint(other) },
    ]);
  });

  test('one more secret behind so many allowed ones that it is not looked at any more does not pass', async () => {
    const result = await off?.scan('prompt', `${`${secret}\n`.repeat(60)}${other}`);
    assert.ok(result?.ok === false && result.error.kind === 'secret-scan-failed');
  });

  test('personal data: nothing, a count, or a hold', async () => {
    const text = 'ask jane.doe@gmail.com and j.roe@gmail.com, card 4539 1488 0343 6467';
    assert.deepEqual(await off?.scan('prompt', text), { ok: true, value: null });
    assert.deepEqual(await warn?.scan('prompt', text), { ok: true, value: { allowed: [], personal: { 'e-mail': 2, 'payment-card': 1 } } });
    const held = await hold?.scan('prompt', text);
    assert.ok(held?.ok === false && held.error.kind === 'personal-data-found');
    assert.deepEqual(
      held.error.findings.map(({ rule, column }) => [rule, column]),
      [
        ['personal-data/e-mail', 5],
        ['personal-data/e-mail', 28],
        ['personal-data/payment-card', 50],
      ],
    );
    assert.ok(!JSON.stringify(held).includes('jane'));
    assert.match(warn?.rules.version ?? '', /, personal data \d+ \(warn\)$/);
  });

  test('find tells the places of what would hold, for the mask', async () => {
    const text = `${secret} ${other} jane.doe@gmail.com`;
    const found = await hold?.find(text);
    assert.ok(found?.ok === true);
    assert.deepEqual(
      found.value.map(({ from, to }) => text.slice(from, to)),
      [other, 'jane.doe@gmail.com'],
    );
  });
});
