/**
 * Which files never belong into a commit of the code repository: docket's own state, queue files and the history. Pure: names only.
 * A README, a .gitkeep and the like that a person keeps in a queue folder is no queue file.
 */

const KEPT = new Set(['README.md', '.gitignore', '.gitkeep', '.gitattributes', '.keep']);
const JOURNAL = /^journal\.db(?:-wal|-shm|-journal)?$/;
const LOCAL_SETTINGS = 'docket.local.yaml';
/** A series of the history: `FEAT-1/01-architect/evidence_v2.json`, `FEAT-1/03-ui/panel/prompt_v1.md`. */
const SERIES =
  /(?:^|\/)[A-Za-z0-9][A-Za-z0-9-]{1,63}\/[0-9]{2}-[a-z][a-z0-9-]*\/(?:[a-z][a-z0-9-]*\/)?(?:prompt_v[0-9]+\.md|result_v[0-9]+\.md|evidence_v[0-9]+(?:\.dsse)?\.json|review_v[0-9]+\.json)$/;
const MATERIAL = /(?:^|\/)materials\/sha256\/[0-9a-f]{2}\/[0-9a-f]{64}$/;
const GITLINK = '160000';

/**
 * Why a path may not be committed; null: it may.
 * @param path from the top of the repository, with `/`
 * @param mode as git writes it, `100644`
 * @param queues the workspace's queue folder from the top of the repository; null when it lies outside
 */
export function refusalOf(path: string, mode: string, queues: string | null): string | null {
  // Some file systems know no case, and git writes the name as it was added.
  const lower = path.toLowerCase();
  const parts = lower.split('/');
  const name = path.split('/').at(-1) ?? '';
  if (parts.includes('.docket')) return "docket's own state";
  if (JOURNAL.test(parts.at(-1) ?? '')) return "docket's journal";
  if (parts.at(-1) === LOCAL_SETTINGS) return "one person's settings";
  const folder = queues?.toLowerCase();
  if (
    folder !== undefined &&
    (folder === '' || lower.startsWith(`${folder}/`)) &&
    isQueueFile(parts.slice(folder === '' ? 0 : folder.split('/').length), name)
  )
    return 'a file of a queue';
  if (SERIES.test(path) || MATERIAL.test(path)) return 'a file of the AI history';
  if (mode === GITLINK && lower.endsWith('-ai-history')) return 'the AI history itself';
  return null;
}

/** Below the queue folder: `<role>/in/foo.md`, `<role>/ledger.jsonl`. */
function isQueueFile(inner: readonly string[], name: string): boolean {
  if (KEPT.has(name)) return false;
  if (!/^[0-9]{2}-/.test(inner[0] ?? '')) return false;
  return inner.length > 2 ? ['in', 'out', 'work', 'archive'].includes(inner[1] ?? '') : inner[1]?.startsWith('ledger.jsonl') === true;
}
