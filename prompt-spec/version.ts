/** Versions of prompt specs: semver's exact form, nothing trimmed, nothing coerced. Source: https://semver.org/spec/v2.0.0.html, without build data. */

import semver from 'semver';

const VERSION =
  /^(?:0|[1-9]\d{0,9})\.(?:0|[1-9]\d{0,9})\.(?:0|[1-9]\d{0,9})(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?$/;
export const VERSION_PATTERN = VERSION.source;
const LENGTH_MAX = 64;

/** Three numbers, or an exact pre-release such as 2.2.0-rc.1. */
export const isVersion = (text: string): boolean => text.length <= LENGTH_MAX && VERSION.test(text) && semver.valid(text) === text;

export const isPrerelease = (version: string): boolean => semver.prerelease(version) !== null;
