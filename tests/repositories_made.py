"""Git with an identity of its own, whatever the machine is set to."""

import subprocess

WHO = ("user.name=A", "user.email=a@example.org", "commit.gpgsign=false", "init.defaultBranch=main")


def run_git(folder, *words):
    """Run one git command in a folder and return what it said."""
    settings = [word for setting in WHO for word in ("-c", setting)]
    done = subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()
