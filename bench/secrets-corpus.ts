/**
 * A corpus of secrets, made at run time: each kind is a recipe of a public form (prefix, alphabet, length as its provider tells them), so nothing in this
 * file is a secret. A recipe: text, with `{name:length}` for random characters of an alphabet. The same seed gives the same corpus.
 * `weight`: how often people leak it, roughly, 1 to 5.
 */

import { Buffer } from 'node:buffer';

export type Group = 'provider' | 'other';
export type Kind = { readonly id: string; readonly group: Group; readonly weight: number; make(random: Random): string };
/** 0 <= value < below, whole. */
export type Random = (below: number) => number;

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const ALPHABETS: Readonly<Record<string, string>> = {
  alnum: `${LOWER}${LOWER.toUpperCase()}${DIGITS}`,
  word: `${LOWER}${LOWER.toUpperCase()}${DIGITS}_`,
  url: `${LOWER}${LOWER.toUpperCase()}${DIGITS}_-`,
  b64: `${LOWER}${LOWER.toUpperCase()}${DIGITS}+/`,
  b32: `${LOWER.toUpperCase()}234567`,
  upper: `${LOWER.toUpperCase()}${DIGITS}`,
  lower: `${LOWER}${DIGITS}`,
  letters: LOWER,
  hex: `${DIGITS}abcdef`,
  HEX: `${DIGITS}ABCDEF`,
  digit: DIGITS,
  bech: 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L',
  strong: `${LOWER}${LOWER.toUpperCase()}${DIGITS}!#%*+-^~`,
};

export function randomOf(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e37_79b9) >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const run = (random: Random, alphabet: string, length: number): string => {
  const letters = ALPHABETS[alphabet];
  if (letters === undefined) throw new Error(`no alphabet ${alphabet}`);
  return Array.from({ length }, () => letters.charAt(random(letters.length))).join('');
};

export const fill = (recipe: string, random: Random): string =>
  recipe
    .replace(/\{uuid\}/g, () => fill('{hex:8}-{hex:4}-4{hex:3}-a{hex:3}-{hex:12}', random))
    .replace(/\{(\w+):(\d+)\}/g, (_, alphabet: string, length: string) => run(random, alphabet, Number(length)));

const base64 = (text: string, as: 'base64' | 'base64url' = 'base64'): string => Buffer.from(text).toString(as);
const dashes = '-'.repeat(5);
const pem = (label: string, body: string): string => `${dashes}BEGIN ${label}${dashes}\n${body}\n${dashes}END ${label}${dashes}`;
const lines = (text: string, width: number): string => text.replace(new RegExp(`.{${String(width)}}`, 'g'), '$&\n');

/** In parts: other scanners take an address without a token for a secret, too. */
const SLACK_HOOKS = ['hooks', 'slack', 'com'].join('.');

/** Recipes of tokens with a known form. */
const PROVIDERS: readonly (readonly [id: string, weight: number, ...recipes: string[]])[] = [
  ['AWS access key id', 5, 'AKIA{b32:16}', 'ASIA{b32:16}'],
  ['AWS Bedrock key', 2, 'ABSK{b64:128}'],
  ['Google API key', 5, 'AIza{url:35}'],
  ['Google OAuth secret', 3, 'GOCSPX-{url:28}'],
  ['Google access token', 2, 'ya29.{url:120}'],
  ['Azure storage key', 4, 'AccountKey={b64:86}=='],
  ['Azure marked key', 2, '{b64:76}+ASt{b64:5}A==', '{b64:76}ACDb{b64:5}Q=='],
  ['Azure client secret', 4, '{alnum:3}8Q~{alnum:34}'],
  ['Azure shared access', 2, 'sv=2022-11-02&ss=b&srt=co&sp=rl&se=2027-01-01T00:00:00Z&sig={alnum:43}%3D'],
  ['Azure DevOps token', 2, '{alnum:76}AZDO{alnum:4}'],
  ['DigitalOcean token', 3, 'dop_v1_{hex:64}', 'doo_v1_{hex:64}'],
  ['Alibaba key id', 2, 'LTAI{alnum:20}'],
  ['Tencent key id', 1, 'AKID{alnum:32}'],
  ['Cloudflare token', 3, 'cfut_{alnum:48}', 'cfk_{alnum:48}', 'cfat_{alnum:48}', 'v1.0-{hex:24}-{hex:146}'],
  ['Heroku key', 2, 'HRKU-AA{url:58}'],
  ['Fly token', 2, 'fo1_{url:43}', 'fm2_{b64:200}'],
  ['Netlify token', 2, 'nfp_{alnum:36}'],
  ['Vercel token', 2, 'vcp_{alnum:56}', 'vck_{alnum:56}'],
  ['Tailscale key', 1, 'tskey-auth-{alnum:12}CNTRL-{alnum:32}'],
  ['Pulumi token', 1, 'pul-{hex:40}'],
  ['Terraform token', 2, '{alnum:14}.atlasv1.{alnum:67}'],
  ['Vault token', 3, 'hvs.{url:95}', 'hvb.{url:140}'],
  ['Doppler token', 1, 'dp.pt.{alnum:43}', 'dp.st.dev.{alnum:43}'],
  ['1Password key', 2, 'A3-{upper:6}-{upper:11}-{upper:5}-{upper:5}-{upper:5}', 'ops_eyJ{b64:280}'],
  ['GitHub token', 5, 'ghp_{alnum:36}', 'gho_{alnum:36}', 'ghs_{alnum:36}', 'ghr_{alnum:76}', 'github_pat_{alnum:22}_{alnum:59}'],
  ['GitLab token', 4, 'glpat-{url:20}', 'glptt-{hex:40}', 'glrt-{alnum:20}', 'glpat-{alnum:27}.01.{lower:9}'],
  ['Bitbucket password', 2, 'ATBB{alnum:32}'],
  ['Atlassian token', 3, 'ATATT3{url:186}'],
  ['npm token', 4, 'npm_{alnum:36}'],
  ['PyPI token', 3, 'pypi-AgEIcHlwaS5vcmc{url:140}'],
  ['RubyGems, crates, NuGet key', 2, 'rubygems_{hex:48}', 'cio{alnum:32}', 'oy2{lower:43}'],
  ['Docker Hub token', 3, 'dckr_pat_{url:27}'],
  ['Artifactory key', 2, 'AKCp{alnum:69}'],
  ['CircleCI token', 1, 'CCIPAT_{alnum:22}_{hex:40}'],
  ['Buildkite token', 1, 'bkua_{lower:40}'],
  ['Sonar token', 2, 'sqp_{hex:40}', 'squ_{hex:40}'],
  ['Sentry token', 2, 'sntryu_{hex:64}', 'sntrys_eyJ{b64:120}'],
  ['Sourcegraph token', 1, 'sgp_{hex:40}', 'sgp_{hex:16}_{hex:40}'],
  ['Postman key', 1, 'PMAK-{hex:24}-{hex:34}'],
  ['age key', 1, 'AGE-SECRET-KEY-1{bech:58}'],
  ['Anthropic key', 5, 'sk-ant-api03-{url:93}AA', 'sk-ant-oat01-{url:93}AA', 'sk-ant-admin01-{url:93}AA'],
  ['OpenAI key', 5, 'sk-proj-{url:74}T3BlbkFJ{url:74}', 'sk-{alnum:20}T3BlbkFJ{alnum:20}', 'sk-svcacct-{url:74}T3BlbkFJ{url:74}'],
  ['DeepSeek key', 2, 'sk-{hex:32}'],
  ['OpenRouter key', 2, 'sk-or-v1-{hex:64}'],
  ['xAI key', 2, 'xai-{alnum:80}'],
  ['Groq key', 2, 'gsk_{alnum:52}'],
  ['Perplexity key', 2, 'pplx-{alnum:48}'],
  ['Hugging Face token', 4, 'hf_{letters:34}'],
  ['Replicate token', 1, 'r8_{alnum:37}'],
  ['NVIDIA key', 1, 'nvapi-{url:64}'],
  ['LangSmith key', 1, 'lsv2_pt_{hex:32}_{hex:10}'],
  ['Pinecone key', 1, 'pcsk_{alnum:6}_{alnum:63}'],
  ['Databricks token', 3, 'dapi{hex:32}', 'dapi{hex:32}-2'],
  ['PlanetScale token', 1, 'pscale_tkn_{url:43}'],
  ['Supabase key', 2, 'sbp_{hex:40}', 'sb_secret_{url:31}'],
  ['Neon key', 1, 'napi_{lower:64}'],
  ['Airtable token', 1, 'pat{alnum:14}.{hex:64}'],
  ['Notion token', 2, 'ntn_{alnum:46}', 'secret_{alnum:43}'],
  ['Contentful token', 1, 'CFPAT-{url:43}'],
  ['Grafana token', 2, 'glsa_{alnum:32}_{hex:8}', 'glc_{b64:120}='],
  ['New Relic key', 2, 'NRAK-{upper:27}'],
  ['Dynatrace token', 1, 'dt0c01.{b32:24}.{b32:64}'],
  ['Stripe key', 5, 'sk_live_{alnum:24}', 'rk_live_{alnum:99}', 'sk_test_{alnum:99}', 'whsec_{alnum:32}'],
  ['Square token', 1, 'sq0atp-{url:22}', 'EAAA{url:60}'],
  ['Shopify token', 2, 'shpat_{hex:32}', 'shpss_{hex:32}'],
  ['PayPal Braintree token', 1, 'access_token$production${lower:16}${hex:32}'],
  ['Plaid token', 1, 'access-production-{uuid}'],
  ['EasyPost key', 1, 'EZAK{alnum:54}'],
  [
    'Slack token',
    5,
    'xoxb-{digit:12}-{digit:13}-{alnum:24}',
    'xoxp-{digit:12}-{digit:12}-{digit:12}-{hex:32}',
    'xapp-1-A{upper:10}-{digit:13}-{hex:64}',
  ],
  ['Slack webhook', 3, `https://${SLACK_HOOKS}/services/T{upper:8}/B{upper:10}/{alnum:24}`],
  ['Teams webhook', 2, 'https://contoso.webhook.office.com/webhookb2/{uuid}@{uuid}/IncomingWebhook/{hex:32}/{uuid}'],
  ['Discord bot token', 3, 'M{alnum:25}.{url:5}x.{alnum:38}'],
  ['Discord webhook', 2, 'https://discord.com/api/webhooks/1{digit:18}/{alnum:68}'],
  ['Telegram bot token', 3, '7{digit:9}:AA{alnum:33}'],
  ['Twilio key', 3, 'SK{hex:32}'],
  ['SendGrid key', 3, 'SG.{url:22}.{alnum:43}'],
  ['Brevo key', 1, 'xkeysib-{hex:64}-{alnum:16}'],
  ['Resend key', 1, 're_{alnum:8}_{alnum:24}'],
  ['Mailgun, Mailchimp key', 2, 'key-{hex:32}', '{hex:32}-us14'],
  ['Linear token', 1, 'lin_api_{alnum:40}'],
  ['Figma token', 1, 'figd_{alnum:43}'],
  ['Asana token', 1, '1/12{digit:14}:{hex:32}', '2/12{digit:14}/12{digit:14}:{hex:32}'],
  ['HubSpot token', 1, 'pat-na1-{uuid}'],
];

const wrapped =
  (label: string, recipe: string) =>
  (random: Random): string =>
    pem(label, fill(recipe, random));
const from =
  (...recipes: readonly string[]) =>
  (random: Random): string =>
    fill(recipes[random(recipes.length)] ?? '', random);
const encoded =
  (before: string, recipe: string, after = '') =>
  (random: Random): string =>
    `${before}${base64(fill(recipe, random))}${after}`;

const jsonWebToken = (random: Random): string =>
  `${base64(JSON.stringify({ alg: 'HS256', typ: 'JWT' }), 'base64url')}.${base64(JSON.stringify({ sub: fill('{hex:8}', random), admin: true }), 'base64url')}.${fill('{url:43}', random)}`;

const kubeConfig = (random: Random): string =>
  `    client-key-data: ${base64(pem('RSA PRIVATE KEY', lines(fill('MII{b64:700}', random), 64)))}`;

/** Keys, headers, addresses and passwords: no provider's form, found by what stands around them. */
const OTHERS: readonly (readonly [id: string, weight: number, make: (random: Random) => string])[] = [
  ['RSA private key', 5, wrapped('RSA PRIVATE KEY', 'MIIEpAIBAAKCAQEA{b64:48}\n{b64:64}\n{b64:64}\n{b64:64}')],
  ['short EC private key', 4, wrapped('EC PRIVATE KEY', 'MHcCAQEEI{b64:55}\n{b64:64}\n{b64:30}==')],
  ['short Ed25519 private key', 4, wrapped('PRIVATE KEY', 'MC4CAQAwBQYDK2VwBCIEI{b64:43}')],
  [
    'OpenSSH private key',
    5,
    wrapped('OPENSSH PRIVATE KEY', 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n{b64:70}\n{b64:70}'),
  ],
  ['PGP private key', 2, wrapped('PGP PRIVATE KEY BLOCK', '\nlQOYBF{b64:58}\n{b64:64}\n=aB3d')],
  [
    'service account in JSON',
    4,
    (random) => JSON.stringify({ type: 'service_account', private_key: pem('PRIVATE KEY', lines(fill('MIIEvQ{b64:400}', random), 64)) }),
  ],
  ['JSON web token', 5, jsonWebToken],
  ['bearer header', 5, from('Authorization: Bearer {url:40}', "-H 'authorization: bearer {alnum:64}'", 'Authorization: token {hex:40}')],
  ['basic header', 3, encoded('Authorization: Basic ', 'deploy:{strong:16}')],
  ['API key header', 4, from('X-API-Key: {alnum:32}', 'x-api-key: {hex:40}', 'Ocp-Apim-Subscription-Key: {hex:32}')],
  [
    'connection address',
    5,
    from(
      'postgres://app:{alnum:16}@db.internal:5432/app',
      'mongodb+srv://svc:{alnum:20}@cluster0.mongodb.net/',
      'redis://:{alnum:24}@cache:6379/0',
      'amqps://worker:{url:18}@mq.internal/',
    ),
  ],
  [
    'connection string',
    4,
    from(
      'Server=db;Database=app;User Id=sa;Password={strong:16};Encrypt=true',
      'jdbc:postgresql://db/app?user=app&password={alnum:18}&ssl=true',
    ),
  ],
  [
    'password in a file',
    5,
    from(
      'DB_PASSWORD={strong:16}',
      'password: "{strong:14}"',
      'spring.datasource.password={alnum:18}',
      '"password": "{strong:20}"',
      'PGPASSWORD={alnum:16} psql',
    ),
  ],
  [
    'secret in a file',
    5,
    from(
      'client_secret: {url:40}',
      'API_KEY={hex:32}',
      '"accessToken": "{alnum:48}"',
      'JWT_SECRET="{b64:64}"',
      'signing_key = "{hex:64}"',
      'DD_API_KEY={hex:32}',
    ),
  ],
  ['AWS secret access key', 5, from('aws_secret_access_key = {b64:40}', 'AWS_SECRET_ACCESS_KEY={b64:40}', '"SecretAccessKey": "{b64:40}"')],
  ['Twilio auth token', 2, from('TWILIO_AUTH_TOKEN={hex:32}', 'AC{hex:32}:{hex:32}')],
  ['.npmrc password', 3, from('//registry.internal/:_authToken={uuid}', '_auth={b64:40}==')],
  ['.netrc password', 2, from('machine git.internal login deploy password {strong:18}')],
  ['curl -u', 3, from('curl -u deploy:{alnum:18} https://ci.internal', 'curl --user svc:{strong:16} https://x.internal')],
  ['password as an argument', 2, from("sshpass -p '{strong:16}' ssh host", 'mysql -u root --password={alnum:16} app')],
  ['Docker login', 3, encoded('{"auths": {"registry.internal": {"auth": "', 'deploy:{strong:20}', '"}}}')],
  ['kubeconfig key', 3, kubeConfig],
  ['Kubernetes secret', 3, encoded('data:\n  token: ', 'ghp_{alnum:36}')],
  ['private JSON web key', 2, from('{"kty":"EC","crv":"P-256","x":"{url:43}","y":"{url:43}","d":"{url:43}"}')],
  ['one-time password seed', 2, from('otpauth://totp/App:me?secret={b32:32}&issuer=App')],
  ['WireGuard key', 2, from('PrivateKey = {b64:43}=')],
  ['Okta token', 2, from('Authorization: SSWS 00{url:40}')],
  ['token inside base64', 3, encoded('blob: ', 'export TOKEN=ghp_{alnum:36}\n')],
  [
    'PowerShell command',
    2,
    (random) =>
      `powershell -EncodedCommand ${Buffer.from(fill('$t = "ghp_{alnum:36}"; Invoke-It $t', random), 'utf16le').toString('base64')}`,
  ],
];

export const KINDS: readonly Kind[] = [
  ...PROVIDERS.map(([id, weight, ...recipes]): Kind => ({ id, group: 'provider', weight, make: from(...recipes) })),
  ...OTHERS.map(([id, weight, make]): Kind => ({ id, group: 'other', weight, make })),
];

/** Where people leave a token of a known form. What is a line or a block of its own stands in a text as it is. */
const SURROUNDINGS: readonly ((secret: string) => string)[] = [
  (secret) => `Please call the service with ${secret} and tell me what it says.`,
  (secret) => `CI_VALUE=${secret}`,
  (secret) => `  "value": "${secret}",`,
  (secret) => `const value = '${secret}';`,
  (secret) => `value: ${secret}\r\nother: 1\r`,
  (secret) => `It is \`${secret}\`.`,
  (secret) => `see (${secret})`,
  (secret) => `{"env":"A=1\\n${secret}"}`,
  (secret) => `| key | ${secret} |`,
  (secret) => `https://api.internal/v1?value=${secret}`,
];

export type Planted = { readonly text: string; readonly from: number; readonly to: number };

const HEAD =
  '---\nfeature: FEAT-123\nagent: architect\nrevision: 2\n---\n\n# Task\n\nDescribe the layout of the module and its limits.\n\n';

/** A prompt that holds one secret of the kind. */
export function plant(kind: Kind, random: Random): Planted {
  const secret = kind.make(random);
  const around = kind.group === 'other' ? (text: string): string => text : (SURROUNDINGS[random(SURROUNDINGS.length)] ?? String);
  const line = around(secret);
  const text = `${HEAD}${line}\n\nThen write the tests.\n`;
  const start = HEAD.length + line.indexOf(secret);
  return { text, from: start, to: start + secret.length };
}
