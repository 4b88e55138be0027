/** The terminal review without a terminal: keys make states, states make screens of exactly the terminal's size. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { draw } from '#cli/review-draw.ts';
import { ITEM_KEYS, LIST_KEYS } from '#cli/review-keys.ts';
import { textOfLine, widthOfSpans } from '#cli/review-line.ts';
import { startState, type Entry, type Input, type State, type Want } from '#cli/review-state.ts';
import { step } from '#cli/review-step.ts';
import { entry, NOW_MS, pagesOf } from '#test/support/review-desk.ts';

const LOOK = { sitter: { person: 'Ada Example <ada@example.com>' }, nowMs: NOW_MS };

type Session = {
  readonly feed: (...inputs: Input[]) => Session;
  /** Keys, parted by spaces; `␣` is the space bar. */
  readonly press: (keys: string) => Session;
  readonly typed: (text: string) => Session;
  readonly state: () => State;
  readonly wants: Want[];
  readonly screen: () => string[];
};
function session(entries: readonly Entry[] = [1, 2, 3].map((n) => entry(n)), columns = 80, rows = 24): Session {
  let state = startState(columns, rows, 100);
  const wants: Want[] = [];
  const self: Session = {
    feed(...inputs) {
      for (const input of inputs) {
        const next = step(state, input);
        ({ state } = next);
        wants.push(...next.wants);
        for (const want of next.wants) if (want.kind === 'open') self.feed({ kind: 'pages', key: want.key, pages: pagesOf() });
      }
      return self;
    },
    press: (keys) => self.feed(...keys.split(' ').map((key): Input => ({ kind: 'key', key: key === '␣' ? ' ' : key }))),
    typed: (text) => self.feed(...Array.from(text, (key): Input => ({ kind: 'key', key }))),
    state: () => state,
    wants,
    screen: () => draw(state, LOOK).map((line) => textOfLine(line).trimEnd()),
  };
  return self.feed({ kind: 'entries', entries });
}
const given = (wants: readonly Want[]): Want[] => wants.filter(({ kind }) => kind === 'give' || kind === 'answer');

describe('the list', () => {
  test('shows what awaits a verdict, with its age, approvals and title, the cursor marked by a sign', () => {
    const { feed, screen, wants } = session([
      entry(1, { reviewers: 2, approvals: 1 }),
      entry(2, { standing: 'accepted' }),
      entry(3, { standing: 'lapsed' }),
    ]);
    feed({ kind: 'facts', facts: new Map([['FEAT-1/architect@1', { sizeBytes: 3_100, findings: 2 }]]) });
    assert.deepEqual(screen().slice(0, 5), [
      ' docket review                                                          2 to do',
      '  ANSWER               AGE     SIZE FOUND GIVEN  STANDING     TITLE',
      '> FEAT-1/architect r1   4d   3.1 KB   2 ! 1 of 2 awaiting     Part 1 漢字',
      '  FEAT-3/architect r1   4d                0 of 1 lapsed       Part 3 漢字',
      '',
    ]);
    assert.deepEqual(wants, [{ kind: 'facts', keys: ['FEAT-1/architect@1', 'FEAT-3/architect@1'] }]);
  });

  test('of a closed feature, and of what a newer revision replaced, nothing is to do', () => {
    const { press, screen } = session([entry(1, { isPast: true }), entry(2), entry(3, { standing: 'lapsed', isPast: true })]);
    assert.match(screen().join('\n'), /1 to do/);
    assert.match(press('f').screen().join('\n'), /0 lapsed/);
    assert.match(press('f f f').screen().join('\n'), /3 all/);
  });

  test('an answer that is opened again is read again', () => {
    const { press, wants } = session([entry(1)]);
    press('enter q enter');
    assert.equal(wants.filter(({ kind }) => kind === 'open').length, 2);
  });

  test('f shows others, / only rows with some words, Esc all again', () => {
    const { press, screen } = session([entry(1), entry(2, { standing: 'changes-requested' }), entry(3, { title: 'Apples' })]);
    assert.match(press('f f').screen().join('\n'), /1 changes requested[\s\S]*> FEAT-2/);
    press('f f f /').typed('apple').press('enter');
    assert.match(screen().join('\n'), /1 to do, with "apple"[\s\S]*> FEAT-3/);
    assert.match(press('escape').screen().join('\n'), /2 to do/);
  });

  test('the cursor stays in it, and the list around the cursor', () => {
    const many = session(Array.from({ length: 100 }, (_one, n) => entry(n)));
    assert.equal(many.press('up').state().cursor, 0);
    assert.equal(many.press('pagedown').state().cursor, 20);
    assert.equal(many.press('G').state().cursor, 99);
    assert.match(many.screen()[21] ?? '', /^> FEAT-99/);
    assert.equal(many.press('g').state().top, 0);
  });

  test('empty, it says so', () => {
    assert.match(session([]).screen().join('\n'), /nothing awaits a verdict/);
  });
});

describe('one answer', () => {
  test('scrolls by lines, screens and headings, and never leaves the text', () => {
    const { press, state } = session().press('enter');
    const top = (): number | undefined => state().item?.tops.answer;
    press('down down');
    assert.equal(top(), 2);
    press('] ]');
    assert.equal(top(), 84);
    press('[');
    assert.equal(top(), 42);
    press('G ␣ down');
    assert.equal(top(), 105);
    press('g up');
    assert.equal(top(), 0);
  });

  test('a search goes to the next match below, around the end, and back', () => {
    const { press, typed, screen, state } = session().press('enter /');
    typed('paragraph 3').press('enter');
    assert.match(screen().join('\n'), /> ?paragraph 3\n[\s\S]*"paragraph 3": 1 of 11/);
    press('n n');
    assert.equal(state().search?.at, 2);
    press('N N N');
    assert.equal(state().search?.at, 10);
    press('n');
    assert.equal(state().search?.at, 0);
    press('/').typed('nowhere').press('enter');
    assert.match(screen().join('\n'), /! not found: nowhere/);
  });

  test('its pages: diff, files, evidence, prompt, each with a place of its own', () => {
    const { press, screen, state } = session().press('enter down down tab');
    assert.match(
      screen().join('\n'),
      /\[2 diff\][\s\S]*1 lines added, 1 removed since r1 \(accepted\)[\s\S]*-paragraph seven\n \+paragraph 7/,
    );
    assert.match(
      press('3').screen().join('\n'),
      /modify src\/a\.ts\n ! changed since the run\n @@[^\n]*\n -one\n \+two[\s\S]*create src\/b\.bin\n ! it is no text/,
    );
    assert.match(press('4').screen().join('\n'), /Checks\n +contract +! lacks a heading/);
    assert.match(press('5').screen().join('\n'), /# Ask/);
    press('tab');
    assert.deepEqual([state().item?.tab, state().item?.tops.answer], ['answer', 2]);
  });

  test('the next and the one before, and Markdown as it is written', () => {
    const { press, state } = session().press('enter >');
    assert.equal(state().item?.key, 'FEAT-2/architect@1');
    assert.match(press('> >').screen().join('\n'), /this is the last one/);
    assert.match(press('m').screen().join('\n'), /as written/);
  });

  test('what cannot be read can be left, and cannot be judged', () => {
    const { press, feed, screen, wants } = session();
    press('enter').feed({ kind: 'pages', key: 'FEAT-1/architect@1', pages: { fault: 'it is not what was recorded' } });
    assert.match(screen().join('\n'), /it is not what was recorded/);
    press('a');
    assert.deepEqual(given(wants), []);
    feed({ kind: 'key', key: 'q' });
    assert.match(screen().join('\n'), /> FEAT-1/);
  });
});

describe('a verdict', () => {
  test('approving asks first, and is given by the whole word yes', () => {
    const { typed, feed, screen, wants } = session().press('enter a');
    assert.deepEqual(given(wants), [{ kind: 'give', key: 'FEAT-1/architect@1', verdict: 'approved', comment: null }]);
    feed({ kind: 'asked', words: 'approve it?\nresult abab\nby Ada' });
    assert.match(screen().join('\n'), /approve it\?\nresult abab\nby Ada\nthen +what follows approved\ncomment +-\nType yes and Enter:/);
    typed('ye').press('enter');
    assert.match(screen().join('\n'), /! type yes and Enter/);
    assert.equal(given(wants).length, 1);
    typed('s').press('enter');
    assert.deepEqual(given(wants).at(-1), { kind: 'answer', isYes: true });
    feed({ kind: 'given', words: 'it is accepted' });
    assert.match(screen().join('\n'), /it is accepted/);
    assert.ok(wants.some(({ kind }) => kind === 'reload'));
  });

  test('changes and a rejection need a comment, which is typed or comes from the editor', () => {
    const { typed, feed, screen, wants } = session().press('enter c ctrl-d');
    assert.match(screen().join('\n'), /! say what has to change/);
    typed('add tests').press('enter').typed('please').press('ctrl-e');
    assert.deepEqual(wants.at(-1), { kind: 'edit', text: 'add tests\nplease' });
    feed({ kind: 'edited', text: 'add tests,\u0007 please\n', fault: null }).press('ctrl-d');
    assert.deepEqual(given(wants), [
      { kind: 'give', key: 'FEAT-1/architect@1', verdict: 'changes-requested', comment: 'add tests, please' },
    ]);
  });

  test('a comment has a longest length', () => {
    const { press, feed, wants } = session();
    press('enter h').feed({ kind: 'pasted', text: 'x'.repeat(101) });
    assert.match(feed({ kind: 'key', key: 'ctrl-d' }).screen().join('\n'), /at most 100 bytes/);
    assert.deepEqual(given(wants), []);
  });

  test('Esc gives none, Tab goes back to the comment, and what was asked is answered with no', () => {
    const { press, feed, wants, state } = session().press('enter a');
    feed({ kind: 'asked', words: 'sure?' }).press('escape');
    assert.deepEqual(given(wants).at(-1), { kind: 'answer', isYes: false });
    assert.equal(state().draft, null);
    press('a').feed({ kind: 'asked', words: 'sure?' }).press('tab');
    assert.deepEqual(given(wants).at(-1), { kind: 'answer', isYes: false });
    feed({ kind: 'refused', words: 'nothing was recorded' });
    assert.equal(state().draft?.step, 'comment');
  });

  test('a refusal keeps the comment', () => {
    const { typed, feed, screen, state } = session().press('enter x');
    typed('wrong').press('ctrl-d');
    feed({ kind: 'refused', words: 'it looks like a secret' });
    assert.equal(state().draft?.comment.text, 'wrong');
    assert.match(screen().join('\n'), /! it looks like a secret/);
  });

  test('is never wanted without the word, whatever is pressed or pasted', () => {
    const keys = ['enter', 'a', 'c', 'x', 'h', 'y', 'e', ' ', 'tab', 'escape', 'ctrl-d', 'q', '>', '/', '?', 'down', 'backspace'];
    const input = fc.oneof(
      fc.constantFrom(...keys).map((key): Input => ({ kind: 'key', key })),
      fc.constantFrom('yes', 'yes\r', 'approve').map((text): Input => ({ kind: 'pasted', text })),
      fc.constant<Input>({ kind: 'asked', words: 'sure?' }),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
        const { wants } = session()
          .press('enter')
          .feed(...inputs);
        // No `s` was typed, so no word yes.
        assert.ok(!wants.some((want) => want.kind === 'answer' && want.isYes));
      }),
    );
  });
});

describe('the screen', () => {
  test('has exactly the lines of the terminal and none wider, at any size and in any state', () => {
    const keys = [...LIST_KEYS, ...ITEM_KEYS].flatMap((one) => one.keys).filter((key) => key !== 'q');
    const input = fc.oneof(
      fc.constantFrom(...keys, 'ctrl-d', 'tab').map((key): Input => ({ kind: 'key', key })),
      fc.record({ kind: fc.constant('size' as const), columns: fc.integer({ min: 1, max: 130 }), rows: fc.integer({ min: 1, max: 40 }) }),
      fc.constant<Input>({ kind: 'asked', words: 'sure?\nresult abab\nby Ada Example' }),
      fc.constant<Input>({ kind: 'refused', words: 'no' }),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
        const { feed, state } = session(Array.from({ length: 30 }, (_one, n) => entry(n)));
        feed(...inputs);
        const { columns, rows } = state();
        const lines = draw(state(), LOOK);
        assert.equal(lines.length, rows);
        assert.ok(lines.every(({ spans }) => widthOfSpans(spans) <= columns));
      }),
    );
  });

  test('shows all keys under ?, and goes back with any', () => {
    const { press, screen, state } = session().press('?');
    assert.match(screen().join('\n'), /ask for changes, with a comment/);
    assert.match(press('pagedown pagedown').screen().join('\n'), /Ctrl-C leaves at once/);
    assert.equal(press('x').state().help, null);
    assert.equal(state().draft, null);
  });

  test('after a change of width the same part of the text is at the top', () => {
    const { press, feed, state } = session(undefined, 40).press('enter G');
    const before = state().item?.tops.answer ?? 0;
    assert.ok(before > 0);
    feed({ kind: 'size', columns: 120, rows: 24 });
    assert.equal(state().item?.tops.answer, before);
    press('q');
    assert.equal(state().item, null);
  });

  test('every key is bound once, and Ctrl-C leaves from anywhere', () => {
    for (const bindings of [LIST_KEYS, ITEM_KEYS]) {
      const keys = bindings.flatMap((one) => one.keys);
      assert.deepEqual(keys.toSorted(), [...new Set(keys)].toSorted());
    }
    for (const before of ['enter', 'enter c', 'enter a', '/', '?']) {
      const { wants } = session().press(`${before} ctrl-c`);
      assert.deepEqual(wants.at(-1), { kind: 'leave', isStopped: true });
    }
  });
});
