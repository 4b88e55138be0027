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
    attempts/<job>/                  evidence and raw output of attempts that failed, and a brief that was answered later
  03-ui/filter-panel/prompt_v1.md    a prompt with a name of its own
materials/sha256/<2>/<hash>          specs, roles, settings, briefs and contexts, each once, by SHA-256
\`\`\`

## How to read it

\`\`\`
git log --oneline                                        what happened, newest first
git log --format='%h %s%n%(trailers)' -- FEAT-123-*      one feature, with hashes
git log --grep='Docket-Job: <job>'                       one job
git grep 'some words' -- '*/result_v*.md'                search all answers
jq .predicate FEAT-123-*/01-architect/evidence_v2.json   the facts behind an answer
sha256sum FEAT-123-*/01-architect/prompt_v2.md           must be the Prompt-SHA256 of its commit
\`\`\`

A prompt is committed when it is accepted (\`Docket-Status: submitted\`) and again when its end is known (\`answered\`, \`briefed\`,
\`failed\` or \`cancelled\`). Recorded files are never edited; \`docket verify\` recomputes every hash.

You may commit here yourself (notes, tags, branches). Pushing is refused until the remote's address is allowed in docket's settings:
prompts and answers can be private.
`;

export const HOOK_MARK = '# docket: pushes of the history need an allowed remote';

export const PRE_PUSH = `#!/bin/sh
${HOOK_MARK}
# Called by git as: pre-push <name of the remote> <its address>
config="$(git rev-parse --git-common-dir)/docket/config"
if git config --file "$config" --get-all docket.pushRemotes | grep -Fxq -e "$2"; then
  exit 0
fi
printf '%s\\n' "docket: this history may hold private prompts and answers, and $2 is not an allowed remote." \\
  'Allow it in docket.yaml (history remotes) and start docket once, or push elsewhere.' >&2
exit 1
`;

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/**
 * `.git/docket/config`, included by `.git/config`: what a person's own git settings must not change here. Bytes stay as they are, no
 * hidden programs, no collection of garbage behind our back, objects and refs synced, an index that docket can read.
 */
export function settingsText(pushRemotes: readonly string[]): string {
  const remotes = pushRemotes.map((address) => {
    // eslint-disable-next-line no-control-regex -- a newline would add a line to the configuration
    if (/[\u0000-\u001f]/.test(address)) throw new TypeError('the address of a remote must not contain control characters');
    return `\tpushRemotes = ${quoted(address)}\n`;
  });
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
${remotes.join('')}`;
}
