"""Flags and environment, read once; the only place that looks at the environment's variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what counts a model reads settings, and no pydantic
    from greengate.changes import Asked, Change


PROJECT = "greengate.yaml"
TRACKED_BY = "GREENGATE_TRACKED_BY"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one command was called.

    Attributes:
        root: Folder of the project file; all its paths are relative to it.
        base: Git ref that gives policies, waivers, trust and baselines; "" reads them from the working tree.
        branch: Branch that the change goes to, for policies that match branches; "" if not known.
        policies: Packs, files and globs instead of those that the project file names.
        models: Patterns of the models to judge; none judges all.
        history: File or address of the history instead of the project file's; "" for that.
        budget_s: Wall seconds of measuring a model, instead of the policies'.
        change: Id of the change, as in `owner/repo#12` or `group/project!12`; "" if not known.
        about: What CI says of the change and of the run that judges it; None outside CI.
        asked: What the forge was asked about the change before the check; None where it was not.
        book: Path or address of the book of budgets; "" for the usual file.
        seed: Seed of random inputs and of the order of blocks.
        ledger: What signs the history; None for nobody.
    """

    root: Path
    project: str = PROJECT
    base: str = ""
    branch: str = ""
    policies: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    history: str = ""
    budget_s: float | None = None
    change: str = ""
    about: Change | None = None
    asked: Asked | None = None
    book: str = ""
    seed: int = 0
    ledger: LedgerAccess | None = None

    @property
    def leg(self) -> str:
        """The leg of a matrix of runners that this is; "" where there is but one."""
        return self.about.leg if self.about else ""


@dataclass(frozen=True, slots=True)
class MeterAccess:
    """What the power meters of a project may ask for; never written into the project file, and never shown.

    Attributes:
        user: User of a plug or a management controller.
        password: Its password.
        token: Bearer token of a Prometheus server, or token of an open Redfish session.
        ca_file: Certificate authorities to trust instead of the usual ones; "" for those.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class BookAccess:
    """What opens a book of budgets, or a history, in a database; never written into the project file, and never shown.

    Attributes:
        password: Password of the database's user, for an address that has none.
        passfile: A file in the form of `.pgpass` that may have it; "" for the usual one.
    """

    password: str = field(default="", repr=False)
    passfile: str = ""


@dataclass(frozen=True, slots=True)
class LedgerAccess:
    """What signs a ledger's checkpoints; the key itself comes from the environment or a file, and is never shown.

    Attributes:
        key_file: File of the private key.
        key: The private key, as PEM text.
        key_command: A command that signs what it gets on standard input.
        key_public: The verifier key of that command.
        origin: The ledger's name, as in `example.com/greengate`.
        witness: File of the last checkpoint that was signed; "" for the usual one.
    """

    key_file: str = ""
    key: str = field(default="", repr=False)
    key_command: str = ""
    key_public: str = ""
    origin: str = ""
    witness: str = ""

    @property
    def has_key(self) -> bool:
        """Whether there is a key, or a command that has one."""
        return bool(self.key_file or self.key or self.key_command)


@dataclass(frozen=True, slots=True)
class SignOffAccess:
    """What a person signs reports with; a key comes from the environment or a file, and is never shown.

    Attributes:
        key_file: File of the private key.
        key: The private key, as PEM text.
        key_command: A command that signs what it gets on standard input.
        key_public: The verifier key of that command.
        passphrase: The password that the key is locked by.
    """

    key_file: str = ""
    key: str = field(default="", repr=False)
    key_command: str = ""
    key_public: str = ""
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LiveAccess:
    """How a live source of carbon intensity is reached; what is secret comes from the environment alone.

    Attributes:
        address: Where it is asked instead of its own address, or the file that it reads; "" for its own.
        user: Its user.
        password: That user's password.
        token: Its key.
        signal: What its intensities are of, for a source that does not say: "average" or "marginal".
        ca_file: Certificate authorities to trust instead of the usual ones; "" for those.
        proxies: Proxies by scheme, and under "no" the hosts that are asked without one.
        cache: Where answers are kept for some minutes; None keeps none.
    """

    address: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    signal: str = ""
    ca_file: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class ForgeAccess:
    """How a forge is reached, and as whom; what is secret comes from the environment alone.

    Attributes:
        token: Token of the job, of a user or of a bot; "" for none.
        app_id: Id of a GitHub App, which is used instead of the token where it is given with its key.
        app_key: Its private key, as PEM text.
        address: Address of the API; "" for that of github.com or gitlab.com.
        ca_file: Certificate authorities to trust instead of the usual ones; "" for those.
        proxies: Proxies by scheme, and under "no" the hosts that are asked without one.
    """

    token: str = field(default="", repr=False)
    app_id: str = ""
    app_key: str = field(default="", repr=False)
    address: str = ""
    ca_file: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)


_CI = (
    "GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", "GITHUB_RUN_ATTEMPT",
    "GITHUB_RUN_ID", "GITHUB_SERVER_URL", "GITLAB_CI", "CI_COMMIT_SHA", "CI_JOB_ID", "CI_JOB_URL", "CI_PIPELINE_ID",
    "CI_MERGE_REQUEST_EVENT_TYPE", "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_PROJECT_ID",
    "CI_MERGE_REQUEST_PROJECT_PATH", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID",
)  # fmt: skip


def ci_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Read what GitHub and GitLab say of a job and of the change that it is about; none of it is secret."""
    given = os.environ if environment is None else environment
    return {name: given[name] for name in _CI if name in given}


def harmless_environment() -> dict[str, str]:
    """Return what a build command needs of the environment; tokens and keys stay here."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "CONDA_PREFIX", "LD_LIBRARY_PATH")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith("LC_")}


def tracked_environment(run: str) -> dict[str, str]:
    """Return what a command of the user's own gets: the environment without access to meters or to keys."""
    secret = ("GREENGATE_METER_", "GREENGATE_LEDGER_KEY", "GREENGATE_SIGN_OFF_KEY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(secret)}
    return {**kept, TRACKED_BY: run}


def tracked_by(environment: Mapping[str, str] | None = None) -> str:
    """Read which tracked run this process is already part of; "" where it is none."""
    return (os.environ if environment is None else environment).get(TRACKED_BY, "")


def visible_gpus(environment: Mapping[str, str] | None = None) -> tuple[str, ...] | None:
    """Read `CUDA_VISIBLE_DEVICES`: numbers or UUIDs of the GPUs that may be used, or None where all may.

    As CUDA reads it, what follows an entry that names no device does not count.
    """
    given = (os.environ if environment is None else environment).get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return None
    entries = [entry.strip() for entry in given.split(",")]
    named = [entry.isdecimal() or entry.startswith(("GPU-", "MIG-")) for entry in entries]
    return tuple(entries[: named.index(False)] if False in named else entries)


def library_paths(environment: Mapping[str, str] | None = None) -> str:
    """Read `LD_LIBRARY_PATH`, by which a driver's and CUDA's libraries may have to be found."""
    return (os.environ if environment is None else environment).get("LD_LIBRARY_PATH", "")


def from_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Read what a CI system or a user left in the environment: base ref, target branch, history, change, book.

    What begins with `GREENGATE_` comes first; GitHub and GitLab name the target branch of a pull or merge
    request, which is used to match branches, and never silently as a base.
    """
    given = os.environ if environment is None else environment
    return {
        "base": given.get("GREENGATE_BASE", ""),
        "history": given.get("GREENGATE_HISTORY", ""),
        "branch": given.get("GITHUB_BASE_REF", "") or given.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
        "change": given.get("GREENGATE_CHANGE", "") or _pull_request(given) or _merge_request(given),
        "book": given.get("GREENGATE_BOOK", ""),
        "leg": given.get("GREENGATE_LEG", ""),
    }


def _pull_request(given: Mapping[str, str]) -> str:
    """Name the pull request that GitHub runs a job for, also in a merge queue: `owner/repo#12`."""
    ref = given.get("GITHUB_REF", "")
    found = re.fullmatch(r"refs/pull/(\d+)/\w+", ref) or re.fullmatch(
        r"refs/heads/gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]{7,64}", ref
    )
    repository = given.get("GITHUB_REPOSITORY", "")
    return f"{repository}#{found[1]}" if found and repository else ""


def _merge_request(given: Mapping[str, str]) -> str:
    """Name the merge request that GitLab runs a job for: `group/project!12`."""
    number, project = given.get("CI_MERGE_REQUEST_IID", ""), given.get("CI_MERGE_REQUEST_PROJECT_PATH", "")
    return f"{project}!{number}" if number and project else ""


def book_access(environment: Mapping[str, str] | None = None) -> BookAccess:
    """Read `GREENGATE_BOOK_PASSWORD`, else `PGPASSWORD`; and `PGPASSFILE`."""
    given = os.environ if environment is None else environment
    return BookAccess(
        password=given.get("GREENGATE_BOOK_PASSWORD", "") or given.get("PGPASSWORD", ""),
        passfile=given.get("PGPASSFILE", ""),
    )


def history_access(environment: Mapping[str, str] | None = None) -> BookAccess:
    """Read `GREENGATE_HISTORY_PASSWORD`, else `PGPASSWORD`; and `PGPASSFILE`."""
    given = os.environ if environment is None else environment
    return BookAccess(
        password=given.get("GREENGATE_HISTORY_PASSWORD", "") or given.get("PGPASSWORD", ""),
        passfile=given.get("PGPASSFILE", ""),
    )


def ledger_access(environment: Mapping[str, str] | None = None) -> LedgerAccess:
    """Read `GREENGATE_LEDGER_KEY_FILE`, `_KEY`, `_KEY_COMMAND`, `_KEY_PUBLIC`, `_ORIGIN` and `_WITNESS`."""
    given = os.environ if environment is None else environment
    return LedgerAccess(
        key_file=given.get("GREENGATE_LEDGER_KEY_FILE", ""),
        key=given.get("GREENGATE_LEDGER_KEY", ""),
        key_command=given.get("GREENGATE_LEDGER_KEY_COMMAND", "").strip(),
        key_public=given.get("GREENGATE_LEDGER_KEY_PUBLIC", "").strip(),
        origin=given.get("GREENGATE_LEDGER_ORIGIN", "").strip(),
        witness=given.get("GREENGATE_LEDGER_WITNESS", ""),
    )


def sign_off_access(environment: Mapping[str, str] | None = None) -> SignOffAccess:
    """Read `GREENGATE_SIGN_OFF_KEY_FILE`, `_KEY`, `_KEY_COMMAND`, `_KEY_PUBLIC` and `_KEY_PASSPHRASE`."""
    given = os.environ if environment is None else environment
    return SignOffAccess(
        key_file=given.get("GREENGATE_SIGN_OFF_KEY_FILE", ""),
        key=given.get("GREENGATE_SIGN_OFF_KEY", ""),
        key_command=given.get("GREENGATE_SIGN_OFF_KEY_COMMAND", "").strip(),
        key_public=given.get("GREENGATE_SIGN_OFF_KEY_PUBLIC", "").strip(),
        passphrase=given.get("GREENGATE_SIGN_OFF_KEY_PASSPHRASE", ""),
    )


def meter_access(environment: Mapping[str, str] | None = None) -> MeterAccess:
    """Read `GREENGATE_METER_USER`, `GREENGATE_METER_PASSWORD`, `GREENGATE_METER_TOKEN` and `GREENGATE_METER_CA`."""
    given = os.environ if environment is None else environment
    return MeterAccess(
        user=given.get("GREENGATE_METER_USER", ""),
        password=given.get("GREENGATE_METER_PASSWORD", ""),
        token=given.get("GREENGATE_METER_TOKEN", "").strip(),
        ca_file=given.get("GREENGATE_METER_CA", ""),
    )


def live_source(environment: Mapping[str, str] | None = None) -> str:
    """Read `GREENGATE_WINDOW_SOURCE`: the live source of carbon intensity to ask; "" where none is named."""
    return (os.environ if environment is None else environment).get("GREENGATE_WINDOW_SOURCE", "").strip()


def live_access(source: str, address: str = "", environment: Mapping[str, str] | None = None) -> LiveAccess:
    """Read what a live source of carbon intensity is asked with.

    `GREENGATE_<SOURCE>_TOKEN`, `_USER`, `_PASSWORD`, `_SIGNAL` and `_URL` are those of that source alone, so that no
    source is ever given another's key; `GREENGATE_WINDOW_CA` and the proxies are for all.
    """
    given = os.environ if environment is None else environment
    own = f"GREENGATE_{source.upper().replace('-', '_')}_"
    return LiveAccess(
        address=address or given.get(f"{own}URL", "").strip(),
        user=given.get(f"{own}USER", ""),
        password=given.get(f"{own}PASSWORD", ""),
        token=given.get(f"{own}TOKEN", "").strip(),
        signal=given.get(f"{own}SIGNAL", "").strip(),
        ca_file=given.get("GREENGATE_WINDOW_CA", ""),
        proxies=_proxies(given),
        cache=_cache(given),
    )


def forge_access(word: str, environment: Mapping[str, str] | None = None) -> ForgeAccess:
    """Read what a forge is asked with: "github" or "gitlab"; of another one nothing is known.

    GitHub: `GREENGATE_GITHUB_TOKEN`, else `GITHUB_TOKEN`; `GREENGATE_GITHUB_APP_ID` and `GREENGATE_GITHUB_APP_KEY`;
    `GITHUB_API_URL`. GitLab: `GREENGATE_GITLAB_TOKEN` and `CI_API_V4_URL`. Each gets its own token and no other's;
    `GREENGATE_FORGE_CA` and the proxies are for both.
    """
    given = os.environ if environment is None else environment
    own = {"github": _github, "gitlab": _gitlab}.get(word, lambda _: {})(given)
    return ForgeAccess(**own, ca_file=given.get("GREENGATE_FORGE_CA", ""), proxies=_proxies(given))


def _github(given: Mapping[str, str]) -> dict[str, str]:
    token = given.get("GREENGATE_GITHUB_TOKEN", "").strip() or given.get("GITHUB_TOKEN", "").strip()
    return {
        "token": token,
        "app_id": given.get("GREENGATE_GITHUB_APP_ID", "").strip(),
        "app_key": given.get("GREENGATE_GITHUB_APP_KEY", ""),
        "address": given.get("GITHUB_API_URL", "").strip(),
    }


def _gitlab(given: Mapping[str, str]) -> dict[str, str]:
    return {
        "token": given.get("GREENGATE_GITLAB_TOKEN", "").strip(),
        "address": given.get("CI_API_V4_URL", "").strip(),
    }


def _proxies(given: Mapping[str, str]) -> dict[str, str]:
    """Read `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in small letters first, as curl does."""
    found = {name: given.get(f"{name}_proxy", "") or given.get(f"{name.upper()}_PROXY", "") for name in ("https", "no")}
    # A server that is called by HTTP_PROXY for what it is asked gets it from whoever asks: small letters only.
    every = given.get("all_proxy", "") or given.get("ALL_PROXY", "")
    found["http"] = given.get("http_proxy", "") or every
    found["https"] = found["https"] or every
    return {name: value for name, value in found.items() if value}


def _cache(given: Mapping[str, str]) -> Path | None:
    """Name the folder of kept answers: below `XDG_CACHE_HOME`, or below `~/.cache`."""
    root = given.get("XDG_CACHE_HOME", "")
    home = given.get("HOME", "")
    folder = Path(root) if root else Path(home) / ".cache" if home else None
    return folder / "greengate" / "intensity" if folder is not None and folder.is_absolute() else None
