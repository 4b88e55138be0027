/**
 * Tokens with a form of their own: a fixed part that the provider chose so that scanners can know it, and a length. From the providers' own pages
 * and GitHub's list of supported patterns (docs/secrets.md names them). A form is a secret wherever it stands, unless it is a placeholder.
 * Every expression is linear: it starts at a literal, or at the start of a run of characters, and its repetitions are bounded.
 */

import { isPlaceholder } from './placeholders.ts';
import type { SecretRule } from './secret-rule.ts';

/** A token of its own: not the end or the start of a longer word. */
const token = (source: string): RegExp => new RegExp(`(?<![A-Za-z0-9_])(?:${source})(?![A-Za-z0-9])`, 'g');

type Form = readonly [id: string, hints: readonly string[], source: string];

const CLOUD: readonly Form[] = [
  ['aws-access-key-id', ['akia', 'asia', 'abia', 'acca', 'a3t'], '(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}|A3T[A-Z0-9][A-Z2-7]{16}'],
  ['aws-bedrock-key', ['absk', 'bedrock-api-key-'], 'ABSK[A-Za-z0-9+/]{100,300}={0,2}|bedrock-api-key-[A-Za-z0-9+/=]{40,2000}'],
  ['google-api-key', ['aiza', 'aq.ab'], 'AIza[0-9A-Za-z_-]{35}|AQ\\.Ab[A-Za-z0-9_-]{40,100}'],
  ['google-oauth', ['gocspx-', 'ya29.', '1//0'], 'GOCSPX-[A-Za-z0-9_-]{28}|ya29\\.[A-Za-z0-9_-]{40,2000}|1//0[A-Za-z0-9_-]{40,200}'],
  ['azure-key', ['accountkey=', 'sharedaccesskey='], 'AccountKey=[A-Za-z0-9+/]{86}==|SharedAccessKey=[A-Za-z0-9+/]{43}='],
  // Azure's own marks: Storage, Batch, Cosmos DB, API Management (88 characters), Functions and Search (52), Event Hubs, IoT, Registry (44, 52).
  [
    'azure-marked-key',
    ['+ast', '+aba', '+amc', 'acdb', 'apim', 'azfu', 'azse', '+aeh', 'aiot', '+asb', '+acr', 'azdo'],
    '[A-Za-z0-9+/]{76}(?:APIM|ACDb|\\+(?:ABa|AMC|ASt))[A-Za-z0-9+/]{5}[AQgw]==|[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{5}[AQgw]={0,2}|[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}|[A-Za-z0-9+/]{33}(?:AIoT|\\+(?:ASb|AEh|ARm))[A-P][A-Za-z0-9+/]{5}=|[A-Za-z0-9+/]{42}\\+ACR[A-D][A-Za-z0-9+/]{5}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}',
  ],
  ['azure-client-secret', ['q~'], '[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}'],
  ['azure-shared-access', ['sig='], '(?:se|sp|sv)=[^&\\s]{1,40}&(?:[a-z]{2,5}=[^&\\s]{1,60}&){0,10}sig=[A-Za-z0-9%/+]{43,90}'],
  ['digitalocean-token', ['_v1_'], 'do[opr]_v1_[a-f0-9]{64}'],
  ['alibaba-key-id', ['ltai'], 'LTAI[A-Za-z0-9]{16,20}'],
  ['tencent-key-id', ['akid'], 'AKID[A-Za-z0-9]{32}'],
  ['yandex-key', ['aqvn', 'y0_a'], 'AQVN[A-Za-z0-9_-]{35,38}|y0_A[A-Za-z0-9_-]{50,60}'],
  ['cloudflare-key', ['cfk_', 'cfut_', 'cfat_', 'v1.0-'], 'cf(?:k|ut|at)_[A-Za-z0-9_-]{40,64}|v1\\.0-[a-f0-9]{24}-[a-f0-9]{146}'],
  ['heroku-key', ['hrku-aa'], 'HRKU-AA[A-Za-z0-9_-]{58}'],
  ['fly-token', ['fo1_', 'fm1', 'fm2_'], 'fo1_[A-Za-z0-9_-]{43}|fm1[ar]_[A-Za-z0-9+/]{100,2000}={0,3}|fm2_[A-Za-z0-9+/]{100,2000}={0,3}'],
  ['netlify-token', ['nfp_', 'nfc_', 'nfo_', 'nfu_'], 'nf[pcou]_[A-Za-z0-9]{36,60}'],
  ['vercel-token', ['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'], 'vc[piark]_[A-Za-z0-9_-]{24,64}'],
  ['deno-token', ['ddp_', 'ddw_'], 'dd[pw]_[A-Za-z0-9]{36,40}'],
  ['tailscale-key', ['tskey-'], 'tskey-[a-z]{3,10}-[A-Za-z0-9]{8,20}-[A-Za-z0-9]{20,40}'],
  ['openshift-token', ['sha256~'], 'sha256~[A-Za-z0-9_-]{43}'],
  ['pulumi-token', ['pul-'], 'pul-[a-f0-9]{40}'],
  ['terraform-token', ['.atlasv1.'], '[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_=-]{60,70}'],
  ['vault-token', ['hvs.', 'hvb.', 'hvr.'], 'hv[sbr]\\.[A-Za-z0-9_-]{24,300}'],
  ['doppler-token', ['dp.'], 'dp\\.(?:pt|st|sa|ct|scim|audit)\\.[A-Za-z0-9._-]{40,64}'],
  [
    '1password',
    ['a3-', 'ops_ey'],
    'A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}|ops_eyJ[A-Za-z0-9+/_-]{100,2000}',
  ],
  ['infracost-key', ['ico-'], 'ico-[A-Za-z0-9]{32}'],
  ['scaleway-key', ['scw'], 'SCW[A-Z0-9]{17}'],
];

const CODE: readonly Form[] = [
  [
    'github-token',
    ['gho_', 'ghp_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
    'gh[opusr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{50,255}',
  ],
  [
    'gitlab-token',
    ['gl', 'gr1348941'],
    'gl(?:pat|dt|rt|rtr|ptt|soat|cbt|ft|imt|agent|oas|ffct|wt)-[A-Za-z0-9_.-]{20,300}|GR1348941[A-Za-z0-9_-]{20}',
  ],
  ['bitbucket-password', ['atbb'], 'ATBB[A-Za-z0-9]{32}(?:[A-F0-9]{8})?'],
  ['atlassian-token', ['atatt3', 'atctt3'], 'AT[AC]TT3[A-Za-z0-9_=-]{100,400}'],
  ['sourcegraph-token', ['sgp_', 'slk_', 'sgd_'], 'sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}|(?:slk|sgd)_[a-f0-9]{64}'],
  ['npm-token', ['npm_'], 'npm_[A-Za-z0-9]{36,60}'],
  ['pypi-token', ['pypi-age'], 'pypi-AgE[A-Za-z0-9_-]{50,400}'],
  [
    'package-registry-token',
    ['rubygems_', 'cio', 'oy2', 'clojars_'],
    'rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}|oy2[a-z0-9]{43}|CLOJARS_[a-z0-9]{60}',
  ],
  ['docker-token', ['dckr_'], 'dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,32}'],
  ['artifactory-key', ['akcp', 'cmvmd'], 'AKCp[A-Za-z0-9]{69}|cmVmd[A-Za-z0-9]{59}'],
  ['buildkite-token', ['bkua_', 'bkaj_', 'bkct_'], 'bk(?:ua|aj|ct)_[A-Za-z0-9]{40,64}'],
  ['circleci-token', ['ccipat_', 'cciprj_'], 'CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}'],
  ['sonar-token', ['sqp_', 'squ_', 'sqa_'], 'sq[pua]_[a-f0-9]{40}'],
  ['sentry-token', ['sntrys_', 'sntryu_'], 'sntrys_eyJ[A-Za-z0-9+/=_-]{40,300}|sntryu_[a-f0-9]{64}'],
  ['snyk-token', ['snyk_'], 'snyk_(?:uat|sat)\\.[a-f0-9]{8}\\.[A-Za-z0-9_-]{40,200}\\.?[A-Za-z0-9_-]{0,200}'],
  ['postman-key', ['pmak-', 'pmat-'], 'PMAK-[a-f0-9]{24}-[a-f0-9]{34}|PMAT-[A-Z0-9]{26}'],
  ['harness-token', ['pat.', 'sat.'], '[ps]at\\.[A-Za-z0-9_-]{22}\\.[a-f0-9]{24}\\.[A-Za-z0-9]{20}'],
  ['octopus-key', ['api-'], 'API-[A-Z0-9]{26}'],
  ['readme-key', ['rdme_'], 'rdme_[a-z0-9]{70}'],
  ['prefect-key', ['pnu_', 'pnb_'], 'pn[ub]_[A-Za-z0-9]{36}'],
  ['launchdarkly-key', ['sdk-', 'api-'], '(?:sdk|api)-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'],
  ['age-key', ['age-secret-key-1'], 'AGE-SECRET-KEY-1[A-Z0-9]{58}'],
];

const AI: readonly Form[] = [
  ['anthropic-key', ['sk-ant-'], 'sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{40,300}'],
  ['openai-key', ['sk-'], 'sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{40,300}|sk-[A-Za-z0-9]{40,64}|sk-[a-f0-9]{32}'],
  ['openrouter-key', ['sk-or-v1-'], 'sk-or-v1-[0-9a-f]{64}'],
  ['xai-key', ['xai-'], 'xai-[A-Za-z0-9]{60,100}'],
  ['perplexity-key', ['pplx-'], 'pplx-[A-Za-z0-9]{40,64}'],
  ['replicate-token', ['r8_'], 'r8_[A-Za-z0-9]{37}'],
  ['groq-key', ['gsk_'], 'gsk_[A-Za-z0-9]{48,60}'],
  ['huggingface-token', ['hf_', 'api_org_'], 'hf_[A-Za-z0-9]{34,60}|api_org_[A-Za-z0-9]{34}'],
  ['nvidia-key', ['nvapi-'], 'nvapi-[A-Za-z0-9_-]{60,80}'],
  ['elevenlabs-key', ['sk_'], 'sk_[a-f0-9]{48}'],
  ['langchain-key', ['lsv2_'], 'lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}'],
  ['langfuse-key', ['sk-lf-'], 'sk-lf-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}'],
  ['pinecone-key', ['pcsk_'], 'pcsk_[A-Za-z0-9]{4,7}_[A-Za-z0-9]{50,70}'],
  ['tavily-key', ['tvly-'], 'tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}'],
  ['cerebras-key', ['csk-'], 'csk-[a-z0-9]{48}'],
  ['fireworks-key', ['fw_'], 'fw_[A-Za-z0-9]{22,24}'],
  ['jina-key', ['jina_'], 'jina_[a-f0-9]{32}[A-Za-z0-9_-]{28}'],
  ['voyage-key', ['pa-'], 'pa-[A-Za-z0-9_-]{43}'],
  ['runpod-key', ['rpa_'], 'rpa_[A-Za-z0-9]{40,50}'],
  ['wandb-key', ['wandb_v1_'], 'wandb_v1_[A-Za-z0-9_]{60,100}'],
];

const DATA: readonly Form[] = [
  ['databricks-token', ['dapi', 'dose'], '(?:dapi|dose)[a-f0-9]{32}(?:-[0-9])?'],
  ['planetscale-token', ['pscale_'], 'pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}'],
  ['supabase-key', ['sbp_', 'sb_secret_'], 'sbp_(?:v0_)?[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{22,48}'],
  ['neon-key', ['napi_'], 'napi_[a-z0-9]{64}'],
  ['aiven-password', ['avns_'], 'AVNS_[A-Za-z0-9+_-]{19}'],
  ['confluent-secret', ['cflt'], 'cflt[A-Za-z0-9+/]{60}'],
  ['clickhouse-key', ['4b1d'], '4b1d[A-Za-z0-9]{38}'],
  ['airtable-token', ['pat'], 'pat[A-Za-z0-9]{14}\\.[a-f0-9]{64}'],
  ['contentful-token', ['cfpat-'], 'CFPAT-[A-Za-z0-9_-]{43}'],
  ['notion-token', ['secret_', 'ntn_'], 'secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,60}'],
  ['mapbox-secret', ['sk.eyj'], 'sk\\.eyJ[A-Za-z0-9_-]{40,200}\\.[A-Za-z0-9_-]{22}'],
  ['grafana-token', ['glc_', 'glsa_'], 'glc_[A-Za-z0-9+/]{32,400}={0,3}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}'],
  ['newrelic-key', ['nrak-', 'nrii-', 'nraa-'], 'NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}|NRAA-[a-f0-9]{27}'],
  ['dynatrace-token', ['dt0'], 'dt0[a-z][0-9]{2}\\.[A-Z0-9]{24}\\.[A-Z0-9]{64}'],
  ['maxmind-key', ['_mmk'], '[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk'],
];

const PAY: readonly Form[] = [
  ['stripe-key', ['_live_', '_test_', '_prod_', 'whsec_'], '[rs]k_(?:live|test|prod)_[A-Za-z0-9]{20,200}|whsec_[A-Za-z0-9+/]{32,100}'],
  ['square-token', ['sq0', 'eaaa'], 'sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60}'],
  ['shopify-token', ['shp'], 'shp(?:at|ca|pa|ss|tka)_[a-fA-F0-9]{32}'],
  ['paypal-token', ['access_token$'], 'access_token\\$(?:production|sandbox)\\$[0-9a-z]{16}\\$[0-9a-f]{32}'],
  ['plaid-token', ['access-'], 'access-(?:sandbox|development|production)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}'],
  ['razorpay-key', ['rzp_'], 'rzp_live_[A-Za-z0-9]{14}'],
  ['flutterwave-key', ['flwseck'], 'FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,40}(?:-X)?'],
  ['easypost-key', ['ezak', 'eztk'], 'EZ[AT]K[A-Za-z0-9]{54}'],
  ['shippo-token', ['shippo_'], 'shippo_(?:live|test)_[a-f0-9]{40}'],
  ['duffel-token', ['duffel_'], 'duffel_(?:test|live)_[A-Za-z0-9_=-]{43}'],
  ['lob-key', ['live_', 'test_'], '(?:live|test)_[a-f0-9]{35}'],
];

const TALK: readonly Form[] = [
  ['slack-token', ['xox', 'xapp-'], '(?:xox[abeoprsd]|xapp)(?:\\.xox[bp])?-[A-Za-z0-9%-]{24,400}'],
  ['slack-webhook', ['hooks.slack.com'], 'https://hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_+-]{40,120}'],
  [
    'teams-webhook',
    ['.webhook.office.com'],
    'https://[a-z0-9-]{1,60}\\.webhook\\.office\\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f-]{36}',
  ],
  ['discord-token', ['m', 'n', 'o'], '[MNO][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,45}'],
  [
    'discord-webhook',
    ['/api/webhooks/'],
    'https://(?:ptb\\.|canary\\.)?discord(?:app)?\\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,80}',
  ],
  ['telegram-token', [':aa'], '[0-9]{8,10}:AA[A-Za-z0-9_-]{32,34}'],
  ['twilio-key', ['sk'], 'SK[0-9a-f]{32}'],
  ['sendgrid-key', ['sg.'], 'SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{32,64}'],
  ['brevo-key', ['xkeysib-', 'xsmtpsib-'], 'x(?:keysib|smtpsib)-[a-f0-9]{64}-[A-Za-z0-9]{16}'],
  ['resend-key', ['re_'], 're_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}'],
  ['mail-service-key', ['key-', ...Array.from('0123456789', (digit) => `-us${digit}`)], 'key-[0-9a-f]{32}|[0-9a-f]{32}-us[0-9]{1,2}'],
  ['linear-token', ['lin_'], 'lin_(?:api|oauth)_[A-Za-z0-9]{32,64}'],
  ['figma-token', ['figd_', 'figu_'], 'fig[du]_[A-Za-z0-9_-]{38,60}'],
  ['asana-token', ['/1'], '[012]/1[0-9]{12,16}(?:/[0-9]{13,17})?:[0-9a-f]{32}'],
  ['typeform-token', ['tfp_'], 'tfp_[A-Za-z0-9_.=-]{50,60}'],
  ['facebook-token', ['eaac', 'eaam'], 'EAA[CM][A-Za-z0-9]{100,400}'],
  ['hubspot-token', ['pat-'], 'pat-(?:na|eu|ap)[0-9]-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}'],
  ['okta-token', ['ssws'], 'SSWS 00[A-Za-z0-9_-]{40}'],
  ['adobe-secret', ['p8e-'], 'p8e-[A-Za-z0-9_-]{32}'],
  ['adafruit-key', ['aio_'], 'aio_[A-Za-z0-9]{28}'],
  ['wakatime-key', ['waka_'], 'waka_[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}'],
];

/** Their letters are so free that a long identifier may have the form: they must have capitals, small letters and a digit. */
const FREE: ReadonlySet<string> = new Set(['vercel-token', 'voyage-key', 'fireworks-key', 'netlify-token', 'typeform-token', 'deno-token']);
const isMixed = (value: string): boolean => {
  const body = value.slice(value.search(/[_-]/) + 1);
  return /[a-z]/.test(body) && /[A-Z]/.test(body) && /[0-9]/.test(body) && !isPlaceholder(body);
};

/** By what they open: clouds, code and packages, AI, data, payments, people. */
export const TOKEN_FORMS: readonly SecretRule[] = [...CLOUD, ...CODE, ...AI, ...DATA, ...PAY, ...TALK].map(([id, hints, source]) => ({
  id,
  hints,
  pattern: token(source),
  ...(FREE.has(id) ? { accepts: isMixed } : {}),
}));
