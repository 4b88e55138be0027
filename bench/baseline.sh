#!/usr/bin/env bash
# What a person writes in five minutes: the measure of bench/main.ts ("shell watcher").
# Every 2 seconds, for each in/*.md: copy it to out/, rename it to .processed, commit all of it. Nothing is checked, hashed or synced.
set -u
cd "$1" || exit 1
while true; do
  for file in in/*.md; do
    [ -e "$file" ] || continue
    stem=$(basename "$file" .md)
    cp "$file" "out/${stem}_result.md"
    mv "$file" "in/$stem.processed"
    git add . && git commit -q -m "processed $stem"
  done
  sleep 2
done
