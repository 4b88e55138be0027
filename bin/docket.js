#!/usr/bin/env node
// Old syntax on purpose: it must parse on any Node, to say in one sentence that this one is too old.
/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access, import/no-unassigned-import -- plain JavaScript: nothing here has a type */
'use strict';

var NEEDED = [24, 15];
var found = process.versions.node.split('.').map(Number);

if (found[0] > NEEDED[0] || (found[0] === NEEDED[0] && found[1] >= NEEDED[1])) {
  require('./start.js');
} else {
  process.stderr.write(
    'docket needs Node.js ' +
      NEEDED.join('.') +
      ' or newer, this is ' +
      process.versions.node +
      ' (' +
      process.execPath +
      '); in a clone `npm ci` brings the right one: use `npm start` or `npx docket`.\n',
  );
  process.exitCode = 3;
}
