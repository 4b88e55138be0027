/** Made-up secrets in their right forms, assembled at run time so that no scanner of this repository trips over the file. Deterministic. */

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
export const ALPHABET = {
  alnum: `${LETTERS}${LETTERS.toUpperCase()}0123456789`,
  hex: '0123456789abcdef',
  upper: `${LETTERS.toUpperCase()}234567`,
  base64: `${LETTERS}${LETTERS.toUpperCase()}0123456789+/`,
  lower: `${LETTERS}0123456789`,
  letters: LETTERS,
};

/** The same text for the same seed: looks random, is not. */
export function noise(length: number, alphabet: keyof typeof ALPHABET = 'alnum', seed = 7): string {
  let state = seed * 2_654_435_761;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) >>> 0;
    text += ALPHABET[alphabet].charAt((state >>> 8) % ALPHABET[alphabet].length);
  }
  return text;
}

const pem = (kind: string, body: string): string =>
  `${'-'.repeat(5)}BEGIN ${kind}${'-'.repeat(5)}\n${body}\n${'-'.repeat(5)}END ${kind}${'-'.repeat(5)}`;
/** A bar breaks the forms in this file; it is taken out here. */
export const whole = (broken: string): string => broken.replaceAll('|', '');
const base64 = (text: string): string => Buffer.from(whole(text)).toString('base64');
const jsonWebToken = (): string =>
  [
    { alg: 'HS256', typ: 'JWT' },
    { sub: 'u-77', admin: true },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.') + `.${noise(43)}`;

/** What each is called, and a text that holds it. */
const BROKEN_FAKES: Readonly<Record<string, string>> = {
  'GitHub classic token': `token ghp|_${noise(36)}`,
  'GitHub token of repeated parts': `x ghp|_${'Ab1'.repeat(12)} y`,
  'GitHub fine-grained token': `github|_pat_${noise(22)}_${noise(59)}`,
  'GitHub token behind an escaped line end': String.raw`{"env":"A=1\nghp|_${noise(36)}"}`,
  'GitLab token': `glpat|-${noise(20)}`,
  'AWS access key id, bare': `use AK|IA${noise(16, 'upper')} for it`,
  'AWS secret access key': `aws_secret_access|_key = ${noise(40, 'base64')}`,
  'Google API key': `key AI|za${noise(35)}`,
  'Google OAuth client secret': `GOC|SPX-${noise(28)}`,
  'Slack token': `xo|xb-${noise(12, 'hex')}-${noise(12, 'hex')}-${noise(24)}`,
  'Slack webhook': `https://hooks.slack.com|/services/T${noise(9, 'upper')}/B${noise(9, 'upper')}/${noise(24)}`,
  'Stripe live key': `sk|_live_${noise(24)}`,
  'SendGrid key': `S|G.${noise(22)}.${noise(43)}`,
  'npm token': `np|m_${noise(36)}`,
  '.npmrc line without a path': `//packages.example.com/:_authToken|=${noise(8, 'hex')}-${noise(4, 'hex')}-${noise(4, 'hex')}-${noise(12, 'hex', 3)}`,
  'OpenAI key': `sk|-proj-${noise(74)}T3BlbkFJ|${noise(74)}`,
  'Anthropic key': `sk|-ant-api03-${noise(93)}AA`,
  'Anthropic OAuth token': `sk|-ant-oat01-${noise(93)}`,
  'Hugging Face token': `h|f_${noise(34, 'letters')}`,
  'DigitalOcean token': `do|p_v1_${noise(64, 'hex')}`,
  'PyPI token': `py|pi-AgEIcHlwaS5vcmc${noise(70)}`,
  '1Password secret key': `A|3-${noise(6, 'upper')}-${noise(6, 'upper')}-${noise(5, 'upper')}-${noise(5, 'upper')}-${noise(5, 'upper')}-${noise(5, 'upper', 2)}`,
  '1Password service token': `op|s_eyJ${noise(240)}`,
  'Twilio auth token': `TWILIO_AUTH_TOKEN|=${noise(32, 'hex')}`,
  'Twilio API key': `S|K${noise(32, 'hex')}`,
  'Bearer header': `curl -H 'Authorization: Bea|rer ${noise(40)}' https://api.internal`,
  'Basic header': `Authorization: Bas|ic ${base64(`deploy:${noise(14)}`)}`,
  'Azure storage key': `DefaultEndpointsProtocol=https;AccountKey|=${noise(86, 'base64')}==;`,
  'Azure client secret': `${noise(3)}8Q|~${noise(34)}`,
  'Telegram bot token': `712345678|:AA|${noise(33)}`,
  'Discord bot token': `M|${noise(25)}.${noise(6)}.${noise(38)}`,
  'Discord webhook': `https://discord.com|/api/webhooks/109876543321987604|/${noise(68)}`,
  'Vault token': `hv|s.${noise(95)}`,
  'JSON web token': jsonWebToken(),
  'RSA private key': pem(`RSA PRIVATE KEY|`, `MII${noise(60, 'base64')}\n${noise(64, 'base64')}\n${noise(64, 'base64', 9)}`),
  'EC private key, short': pem(`EC PRIVATE KEY|`, `MHcCAQEEI${noise(55, 'base64')}\n${noise(20, 'base64')}`),
  'Ed25519 private key, short': pem(`PRIVATE KEY|`, `MC4CAQAwBQYDK2VwBCIEI${noise(43, 'base64')}`),
  'OpenSSH private key': pem(
    `OPENSSH PRIVATE KEY|`,
    `b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n${noise(70, 'base64')}`,
  ),
  'private key in one JSON line': JSON.stringify({
    private_key: pem(`PRIVATE KEY|`, `MIIEvQ${noise(58, 'base64')}\n${noise(64, 'base64')}`),
  }),
  'encrypted private key': pem(
    `RSA PRIVATE KEY|`,
    `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A0B\n\n${noise(64, 'base64')}\n${noise(64, 'base64')}`,
  ),
  'password assigned in a file': `db:\n  pass|word: "kT7#mPq2vLx9"`,
  'password in an environment line': `DB_PASS|WORD=vR4kqT92LmZx`,
  'client secret': `"client_secret|": "${noise(32)}"`,
  'API key': `api_key|: ${noise(32, 'hex')}`,
  'password in a connection address': `postgres://app:${noise(16)}@db.internal:5432/app`,
  'password in a Redis address': `redis://:${noise(20)}@cache:6379/0`,
  'curl -u': `curl -u deploy:${noise(14)} https://ci.internal`,
  'base64 around a token': `config: ${base64(`export TOKEN=ghp|_${noise(36)}\n`)}`,
  'base64 around a password, wrapped': base64(
    `user: app\nhost: db.internal\nport: 5432\npass|word: "kT7#mPq2vLx9"\nssl: true\n`.repeat(2),
  ).replace(/.{64}/g, '$&\n'),
  'Kubernetes secret': `data:\n  password: ${base64(`gh|p_${noise(36)}`)}`,
  'terraform token': `${noise(14)}.atlasv1|.${noise(67)}`,
};

export const FAKES = Object.entries(BROKEN_FAKES).map(([name, text]) => ({ name, text: whole(text) }));

/** Texts that look like secrets and are none. */
const BROKEN_HARMLESS: readonly string[] = [
  'Write an architecture for FEAT-123. The password must have at least 8 characters, one digit and one special character.',
  `Set GITHUB_TOKEN=ghp|_${'x'.repeat(36)} in your shell.`,
  `SLACK_TOKEN=xoxb|-your-token-here`,
  `aws_access_key_id = AKIA|IOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`,
  'const password = process.env.DB_PASSWORD;\nconst token = await getToken(user);\nconst apiKey = config.services.billing.apiKey;',
  'components:\n  schemas:\n    Login:\n      properties:\n        password: { type: string, format: password, minLength: 12 }\n        token: { type: string }',
  'Authorization: Bearer <token>\nAuthorization: Bearer ${ACCESS_TOKEN}\nAuthorization: Bearer YOUR_ACCESS_TOKEN_GOES_HERE_1',
  'postgres://postgres:postgres@localhost:5432/app and mongodb://user:password@localhost/test and redis://:changeme@cache',
  'postgres://$DB_USER:${DB_PASSWORD}@db/app and https://user:<password>@example.com/',
  `sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08|`,
  'commit 8da348e0f6c3b1f22b94e1be6d9c3f0f5f8e7a11 fixes 123e4567-e89b-12d3-a456-426614174000',
  '"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="',
  `${'-'.repeat(5)}BEGIN PUBLIC KEY${'-'.repeat(5)}\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\nq9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==`,
  `${'-'.repeat(5)}BEGIN PRIVATE KEY${'-'.repeat(5)}\n...\n${'-'.repeat(5)}END PRIVATE KEY${'-'.repeat(5)}`,
  `The header "${'-'.repeat(5)}BEGIN RSA PRIVATE KEY${'-'.repeat(5)}" marks a PEM file; never paste one here.`,
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl user@host',
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9|.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c`,
  'max_tokens: 4096, nextPageToken: "CAUQAA", tokenizer: cl100k_base, token_count=12345678',
  'secretName: my-app-db-credentials-v2\nkeyVault: kv-billing-prod\npasswordPolicy: strong-password-policy-2024',
  `password: test1234, password: "hunter2", pwd=changeme123, PASSWORD=Passw0rd!`,
  'describe("UserPasswordResetTokenRepository", () => { it("findsTheTokenByUserIdAndExpiryDate", async () => {}) })',
  'The function verifyPassword(password: string, hash: string): Promise<boolean> compares in constant time; api_key: string;',
  'Set `api_key: "<your key>"` and `client_secret: "your-client-secret"` in docket.local.yaml; TOKEN=$(vault read -field=token x)',
  'Der Prompt ist deutsch: Passwort: bitte nirgends eintragen. Straße, Übergröße, naïve café, 日本語のテキスト, emoji 🎉.',
  `Kubernetes: type: Opaque, data: { tls.crt: ${Buffer.from('The quick brown fox jumps over the lazy dog, then it rests.').toString('base64')} }`,
  'docker run -p 8080:8080 -u 1000:1000 --user 1000:1000 image@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'AWS_ACCOUNT_ID=1111-2222-3333 and arn:aws:iam::111122223333:role/Deploy',
];

export const HARMLESS = BROKEN_HARMLESS.map(whole);
