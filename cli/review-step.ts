/**
 * One input of the terminal review: a state and a key make another state, and say what is wanted of the outside. Pure.
 *
 * Invariants: a verdict is wanted only out of `confirm`, after a person typed the word `yes` key by key; pasted text is never a key.
 */

import type { VerdictWord } from '#core/verdict.ts';
import { edited, editorOf, insert, typable, type Editor } from './review-editor.ts';
import { ITEM_KEYS, LIST_KEYS } from './review-keys.ts';
import { give, same, say, scrollBy, scrollTo, search, settled, topOf } from './review-moves.ts';
import { bodyRows, docOf, rowsOf, type Draft, type Input, type State, type Step, type Want } from './review-state.ts';

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;
const needsComment = (verdict: VerdictWord): boolean => verdict === 'changes-requested' || verdict === 'rejected';

function commentKey(state: State, draft: Draft, key: string): Step {
  const withDraft = (more: Partial<Draft>): Step => settled({ ...state, draft: { ...draft, ...more }, notice: null });
  switch (key) {
    case 'escape':
      return settled({ ...state, draft: null, notice: { words: 'no verdict was given', isBad: false } });
    case 'ctrl-e':
      return { state, wants: [{ kind: 'edit', text: draft.comment.text }] };
    case 'ctrl-d': {
      const { text } = draft.comment;
      if (needsComment(draft.verdict) && text.trim() === '') return say(state, 'say what has to change', true);
      if (bytesOf(text) > state.commentBytesMax)
        return say(state, `a comment has at most ${String(state.commentBytesMax)} bytes (review.comment_bytes)`, true);
      return give(state, draft);
    }
    case 'enter':
      return withDraft({ comment: insert(draft.comment, '\n') });
    case 'pagedown':
    case 'pageup':
      return scrollBy(state, key === 'pagedown' ? bodyRows(state) : -bodyRows(state));
    default: {
      const comment = edited(draft.comment, key) ?? (isText(key) ? insert(draft.comment, key) : null);
      return comment === null ? same(state) : withDraft({ comment });
    }
  }
}

const YES = 'yes';
function confirmKey(state: State, draft: Draft, key: string): Step {
  const withDraft = (more: Partial<Draft>): Step => settled({ ...state, draft: { ...draft, ...more }, notice: null });
  const no: Want = { kind: 'answer', isYes: false };
  if (key === 'escape') return settled({ ...state, draft: null, notice: { words: 'no verdict was given', isBad: false } }, [no]);
  if (key === 'pagedown' || key === 'pageup') return scrollBy(state, key === 'pagedown' ? bodyRows(state) : -bodyRows(state));
  if (key === 'tab') return settled({ ...state, draft: { ...draft, step: 'comment', words: '', typed: '' }, notice: null }, [no]);
  if (key === 'backspace') return withDraft({ typed: draft.typed.slice(0, -1) });
  if (key === 'enter') {
    if (draft.typed.toLowerCase() !== YES) return say(state, 'type yes and Enter to give it, Esc to leave it', true);
    return settled({ ...state, draft: { ...draft, step: 'giving' }, notice: null }, [{ kind: 'answer', isYes: true }]);
  }
  return key.length === 1 && draft.typed.length < 10 ? withDraft({ typed: draft.typed + typable(key) }) : same(state);
}

function typingKey(state: State, typing: Editor, key: string): Step {
  const isList = state.item === null;
  if (key === 'escape') return settled({ ...state, typing: null, narrowed: isList ? '' : state.narrowed });
  if (key === 'enter') {
    const done: State = { ...state, typing: null };
    return isList ? settled({ ...done, narrowed: typing.text.trim() }) : search(done, typing.text);
  }
  const next = edited(typing, key) ?? (isText(key) ? insert(typing, key) : null);
  if (next === null) return same(state);
  return isList ? settled({ ...state, typing: next, narrowed: next.text.trim(), cursor: 0, top: 0 }) : same({ ...state, typing: next });
}

/** Names of keys are of small letters and longer than one; what is typed comes a character at a time. */
const isText = (key: string): boolean => !/^[a-z]{2,}(?:-[a-z]+)?$/.test(key) && !/^(?:ctrl|shift|meta)-/.test(key);

function onKey(state: State, key: string): Step {
  if (key === 'ctrl-c') return { state, wants: [{ kind: 'leave', isStopped: true }] };
  if (state.help !== null) {
    const by = { down: 1, j: 1, up: -1, k: -1, pagedown: state.rows - 2, ' ': state.rows - 2, pageup: 2 - state.rows, b: 2 - state.rows }[
      key
    ];
    return same({ ...state, help: by === undefined ? null : Math.max(0, state.help + by) });
  }
  if (state.typing !== null) return typingKey(state, state.typing, key);
  if (state.draft?.step === 'comment') return commentKey(state, state.draft, key);
  if (state.draft?.step === 'confirm') return confirmKey(state, state.draft, key);
  if (state.draft !== null) return same(state);
  const bindings = state.item === null ? LIST_KEYS : ITEM_KEYS;
  const bound = bindings.find(({ keys }) => keys.includes(key));
  return bound === undefined ? same(state) : bound.act(state);
}

/** One input. */
export function step(state: State, input: Input): Step {
  switch (input.kind) {
    case 'key':
      return onKey(state, input.key);
    case 'pasted':
      if (state.typing !== null) return same({ ...state, typing: insert(state.typing, input.text.replaceAll(/\s+/g, ' ')) });
      if (state.draft?.step !== 'comment') return same(state);
      return settled({ ...state, draft: { ...state.draft, comment: insert(state.draft.comment, input.text) } });
    case 'size': {
      const resized = { ...state, columns: Math.max(1, input.columns), rows: Math.max(1, input.rows) };
      return settled(state.item === null ? resized : keepPlace(state, resized));
    }
    case 'entries': {
      const at = rowsOf(state)[state.cursor]?.key;
      const cursor = rowsOf({ ...state, entries: input.entries }).findIndex(({ key }) => key === at);
      return settled({ ...state, entries: input.entries, cursor: cursor === -1 ? state.cursor : cursor });
    }
    case 'facts':
      return same({ ...state, facts: new Map([...state.facts, ...input.facts]) });
    case 'pages': {
      const facts = 'fault' in input.pages ? state.facts : new Map([...state.facts, [input.key, input.pages.facts] as const]);
      return settled({ ...state, facts, pages: new Map([[input.key, input.pages]]) });
    }
    case 'edited': {
      if (state.draft === null) return same(state);
      if (input.fault !== null) return say(state, input.fault, true);
      return settled(
        input.text === null ? state : { ...state, draft: { ...state.draft, comment: editorOf(typable(input.text).trimEnd()) } },
      );
    }
    case 'asked':
      if (state.draft?.step !== 'asking') return { state, wants: [{ kind: 'answer', isYes: false }] };
      return settled({ ...state, draft: { ...state.draft, step: 'confirm', words: input.words } });
    case 'given':
      return settled({ ...state, draft: null, item: null, search: null, pages: new Map(), notice: { words: input.words, isBad: false } }, [
        { kind: 'reload' },
      ]);
    case 'refused':
      return refused(state, input.words);
    default:
      return input satisfies never;
  }
}

/** After a change of width the same part of the text stands at the top, as nearly as its length tells. */
function keepPlace(before: State, after: State): State {
  const [old, fresh] = [docOf(before).lines.length, docOf(after).lines.length];
  return old === 0 || old === fresh ? after : scrollTo(after, Math.round((topOf(before) * fresh) / old));
}

/** A comment that was written is not lost. What a person broke off was said already. */
function refused(state: State, words: string): Step {
  const { draft } = state;
  if (draft === null || draft.step === 'comment') return draft === null && state.notice === null ? say(state, words, true) : same(state);
  const isKept = draft.comment.text !== '';
  return settled({ ...state, draft: isKept ? { ...draft, step: 'comment', words: '', typed: '' } : null, notice: { words, isBad: true } });
}
