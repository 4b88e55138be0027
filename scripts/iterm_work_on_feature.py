#!/usr/bin/env python3
"""A feature or fix gets a workspace of its own, shown in iTerm2: what scripts/work_on_feature does, with iTerm2's panes. docs/panes.md

usage: iterm_work_on_feature.py [--repo <folder>] <FEAT-id[-slug]> [options of docket work-on]
       iterm_work_on_feature.py --panes-of <workspace> [--role <role>] [--interactive <role>]

Which windows, panes and texts there are is decided by docket (`docket panes --print --json`), as it is for tmux; this script only carries it out with
iTerm2's Python API (pip3 install iterm2; iTerm2, Settings, General, Magic, Enable Python API). Each word of a text is quoted for the shell.
Exit codes are docket's: 2 wrong use, 3 docket, node, git or iTerm2 is missing.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys

WRONG_USE, ENVIRONMENT = 2, 3


class Failed(Exception):
    def __init__(self, code, words):
        super().__init__(words)
        self.code = code


def git(folder, *args):
    """What git prints; None: it says no."""
    try:
        done = subprocess.run(["git", "-C", folder, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError as error:
        raise Failed(ENVIRONMENT, "git is not in PATH") from error
    return os.fsdecode(done.stdout).rstrip("\n") if done.returncode == 0 else None


def need_node(program):
    if shutil.which("node") is None:
        raise Failed(ENVIRONMENT, f"node is not in PATH, and {program} needs it: Node.js 24.15 or newer (https://nodejs.org)")


def find_docket(repo):
    """How docket is called: the repository's own, else the one that this script came with, else the one in PATH."""
    common = git(repo, "rev-parse", "--git-common-dir")
    if common is None:
        raise Failed(WRONG_USE, f"{os.path.abspath(repo)} lies in no git repository: go into one, or name it with --repo")
    top = git(repo, "rev-parse", "--show-toplevel") or os.path.realpath(repo)
    primary = os.path.dirname(os.path.realpath(os.path.join(repo, common)))
    for folder in (top, primary):
        program = os.path.join(folder, "node_modules", ".bin", "docket")
        if os.access(program, os.X_OK):
            need_node(program)
            return [program]
    own = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    program = os.path.join(own, "bin", "docket.js")
    if os.path.isfile(program):
        node = os.path.join(own, "node_modules", ".bin", "node")
        if os.access(node, os.X_OK):
            return [node, program]
        need_node(program)
        return ["node", program]
    found = shutil.which("docket")
    if found is None:
        raise Failed(
            ENVIRONMENT,
            f"docket is neither in {top}/node_modules nor beside this script nor in PATH: npm install --save-dev docket, or npm install --global docket",
        )
    need_node(found)
    return [found]


def ask(docket, cwd, *args):
    """The JSON that docket prints. Its words go to our standard error."""
    done = subprocess.run([*docket, *args, "--json"], cwd=cwd, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0 and not done.stdout.strip():
        raise Failed(done.returncode, f"docket {' '.join(args[:1])} ended with {done.returncode}: its words are above")
    return json.loads(done.stdout)


def split_options(words):
    """--repo and --panes-of are ours; all else is docket's."""
    own, rest, index = {"--repo": ".", "--panes-of": None}, [], 0
    while index < len(words):
        name, equals, value = words[index].partition("=")
        if name in own:
            if not equals:
                index += 1
                if index == len(words):
                    raise Failed(WRONG_USE, f"{name} takes a folder")
                value = words[index]
            own[name] = value
        else:
            rest.append(words[index])
        index += 1
    return own["--repo"], own["--panes-of"], rest


def make_plan(words):
    """None: there was nothing to open, as docket itself has answered."""
    repo, workspace, rest = split_options(words)
    if not os.path.isdir(workspace or repo):
        raise Failed(WRONG_USE, f"there is no folder {workspace or repo}")
    docket = find_docket(workspace or repo)
    if workspace is None:
        if not rest:
            raise Failed(WRONG_USE, "say which feature: iterm_work_on_feature.py FEAT-123-user-filters (all options: --help)")
        if any(word in ("-h", "--help") for word in rest):
            subprocess.run([*docket, "work-on", "--help"], cwd=repo, check=False)
            return None
        made = ask(docket, repo, "work-on", *rest, *([] if "--no-panes" in rest else ["--no-panes"]))
        workspace = made.get("root") or made["folder"]
        if "--no-panes" in rest:
            print(workspace)
            return None
        rest = []
    return ask(docket, workspace, "panes", "--print", "--root", workspace, *rest)


def text_of(plan, pane):
    """What is typed into a pane: one line, each word quoted."""
    return f"cd {shlex.quote(plan['folder'])} && {shlex.join(pane['args'])}\n"


async def open_window(plan, window, first):
    """One window of the plan is one tab. @param first the session that the tab came with"""
    sessions = {0: first}
    for split in window["splits"]:
        sessions[split["pane"]] = await sessions[split["from"]].async_split_pane(vertical=split["side"] == "right")
    for index, pane in enumerate(window["panes"]):
        await sessions[index].async_set_name(pane["title"])
        await sessions[index].async_send_text(text_of(plan, pane))


async def open_plan(iterm2, connection, plan):
    app = await iterm2.async_get_app(connection)
    window = await iterm2.Window.async_create(connection)
    if window is None:
        raise Failed(ENVIRONMENT, "iTerm2 opened no window: its session ended at once")
    for index, wanted in enumerate(plan["windows"]):
        tab = window.current_tab if index == 0 else await window.async_create_tab()
        if tab is None:
            raise Failed(ENVIRONMENT, "iTerm2 opened no tab: its session ended at once")
        await tab.async_set_title(f"{plan['feature'] or plan['session']} {wanted['name']}")
        await open_window(plan, wanted, tab.current_session)
    await window.tabs[0].async_select()
    await window.async_activate()
    await app.async_activate()


def main(words):
    try:
        plan = make_plan(words)
        if plan is None:
            return 0
        try:
            import iterm2  # pylint: disable=import-outside-toplevel -- what is wrong before it is told without it
        except ImportError as error:
            raise Failed(
                ENVIRONMENT,
                "there is no Python package iterm2: pip3 install iterm2, and switch on the Python API of iTerm2 (Settings, General, Magic)",
            ) from error
        failed = []

        async def run(connection):
            try:
                await open_plan(iterm2, connection, plan)
            except Failed as error:
                failed.append(error)

        iterm2.run_until_complete(run)
        if failed:
            raise failed[0]
        panes = sum(len(window["panes"]) for window in plan["windows"])
        print(f"{panes} panes in iTerm2: {plan['session']}")
        return 0
    except Failed as error:
        print(f"iterm_work_on_feature: {error}", file=sys.stderr)
        return error.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
