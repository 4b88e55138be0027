/** The texts that a new history repository begins with. The README is for a person who has only git and this folder. */

/** A repository whose .gitattributes has this line is a history of docket, in the layout of this version. */
export const MARK = '# docket history, layout 1';

export const ATTRIBUTES_TEXT = `${MARK}: every file keeps its bytes as they were recorded.
* -text -ident -filter !working-tree-encoding
`;

export const README_TEXT = `# AI history

Every prompt that was given to an AI tool through docket, every answer that came back, and the evidence of how it came about.
Written by docket, one commit per event; plain git and a text editor are enough to read it.

## Where things are

\`\`\`
FEAT-123-user-filters/
  feature.json                       id, title, stream
  01-architect/
    prompt_v2.md                     the prompt of revision 2, byte for byte
    result_v2.md                     the answer, byte for byte
    evidence_v2.json                 who asked what, with which spec, tool, model and code (an in-toto statement)
    review_v2.json                   a person's verdict about result_v2.md; the next one is review_v2_2.json
    attempts/<job>/                  evidence and raw output of attempts that failed, and a brief that was answered later
  03-ui/filter-panel/prompt_v1.md    a prompt with a name of its own
  closing.json                       who closed the feature, with all verdicts; reopening.json is the record after it
materials/sha256/<2>/<hash>          specs, roles, settings, briefs and contexts, each once, by SHA-256
tombstones/<time>-<job>.json         what was purged (a leaked key, personal data): hashes, reason, person; there may be none
\`\`\`

## How to read it

\`\`\`
git log --oneline                                        what happened, newest first
git log --format='%h %s%n%(trailers)' -- FEAT-123-*      one feature, with hashes
git log --grep='Docket-Verdict:'                         what people said of the answers
git log --grep='Docket-Job: <job>'                       one job
git grep 'some words' -- '*/result_v*.md'                search all answers
jq .predicate FEAT-123-*/01-architect/evidence_v2.json   the facts behind an answer
sha256sum FEAT-123-*/01-architect/prompt_v2.md           must be the Prompt-SHA256 of its commit
\`\`\`

A prompt is committed when it is taken (\`Docket-Status: submitted\`) and again when its end is known (\`answered\`, \`briefed\`,
\`failed\` or \`cancelled\`). Recorded files are never edited; \`docket verify\` recomputes every hash.

You may commit here yourself (notes, tags, branches). Pushing is refused until the remote's address is allowed in docket's settings:
prompts and answers can be private.
`;

export const HOOK_MARK = '# docket: pushes of the history need an allowed remote';

/**
 * Refuses what is not allowed, then has docket scan what is new. It fails closed: whatever is missing stops the push, and says so.
 * `$2` is the address after git's own rewriting (url.*.insteadOf, pushurl), so that no nickname of an allowed one leads elsewhere.
 */
export const PRE_PUSH = `#!/bin/sh
${HOOK_MARK}
# Called by git as: pre-push <name of the remote> <its address>
say() { printf '%s\\n' "docket: $1" >&2; }
dir="$(cd "$(git rev-parse --git-common-dir)" && pwd -P)" || exit 1
config="$dir/docket/config"
if ! git config --file "$config" --get-all docket.pushRemotes | grep -Fxq -e "$2"; then
  say "this history may hold private prompts and answers, and $2 is not an allowed remote."
  say 'Allow it in docket.yaml (policy.push_remotes) and start docket once, or push elsewhere.'
  exit 1
fi
node="$(git config --file "$config" --get docket.node)"
scan="$(git config --file "$config" --get docket.pushScan)"
deadline="$(git config --file "$config" --get docket.scanMs)"
workspace="$(git config --file "$config" --get docket.workspace)"
if [ ! -x "$node" ] || [ ! -f "$scan" ]; then
  say "the push is not scanned for secrets, so it is stopped: docket's program is not at \\"$scan\\" (run by \\"$node\\")."
  say 'Run any docket command of this installation in the workspace once (docket verify), then push again.'
  exit 1
fi
exec "$node" "$scan" "$dir" "$2" "$deadline" "$workspace"
`;

/** `scan`: the program that looks at what is pushed (cli/push-scan.ts); without it every push is stopped. */
export type PushRules = {
  readonly remotes: readonly string[];
  readonly scan: PushScan | null;
};
/** `workspace`: the folder whose docket.yaml says what the scan lets pass; null: nothing passes. */
type PushScan = { readonly node: string; readonly file: string; readonly deadlineMs: number; readonly workspace: string | null };

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** A line of the section `docket`. */
const value = (key: string, text: string): string => {
  // eslint-disable-next-line no-control-regex -- a newline would add a line to the configuration
  if (/[\u0000-\u001f]/.test(text)) throw new TypeError('the address of a remote must not contain control characters');
  return `\t${key} = ${quoted(text)}\n`;
};

/**
 * `.git/docket/config`, included by `.git/config`: what a person's own git settings must not change here. Bytes stay as they are, no
 * hidden programs, no collection of garbage behind our back, objects and refs synced, an index that docket can read.
 */
export function settingsText({ remotes, scan }: PushRules): string {
  const rules = remotes.map((address) => value('pushRemotes', address));
  if (scan !== null) rules.push(value('node', scan.node), value('pushScan', scan.file), `\tscanMs = ${String(scan.deadlineMs)}\n`);
  if (scan !== null && scan.workspace !== null) rules.push(value('workspace', scan.workspace));
  return `# Written by docket at each start; edit docket.yaml instead.
[core]
	autocrlf = false
	safecrlf = false
	fsync = committed
	fsmonitor = false
	untrackedCache = false
	sparseCheckout = false
	hooksPath = .git/hooks
[index]
	version = 2
	sparse = false
[feature]
	manyFiles = false
[gc]
	auto = 0
[maintenance]
	auto = false
[commit]
	gpgSign = false
[tag]
	gpgSign = false
[docket]
	layout = 1
${rules.join('')}`;
}
