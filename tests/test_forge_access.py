"""What a forge is asked with, read from the environment; no forge is given another's token."""

import pytest

from greengate import registry
from greengate.errors import UsageError
from greengate.settings import ForgeAccess, forge_access

HERE = {
    "GREENGATE_GITHUB_TOKEN": "ghp_own",
    "GITHUB_TOKEN": "ghs_job",
    "GREENGATE_GITHUB_APP_ID": "12",
    "GREENGATE_GITHUB_APP_KEY": "-----BEGIN",
    "GITHUB_API_URL": "https://git.acme.example/api/v3",
    "GREENGATE_GITLAB_TOKEN": "glpat-own",
    "CI_API_V4_URL": "https://lab.acme.example/api/v4",
    "GREENGATE_FORGE_CA": "/ca.pem",
    "https_proxy": "http://proxy:1",
}


def test_github_is_asked_with_our_own_token_before_the_jobs():
    address, proxies = "https://git.acme.example/api/v3", {"https": "http://proxy:1"}
    assert forge_access("github", HERE) == ForgeAccess("ghp_own", "12", "-----BEGIN", address, "/ca.pem", proxies)
    assert forge_access("github", {**HERE, "GREENGATE_GITHUB_TOKEN": " "}).token == "ghs_job"


def test_gitlab_is_asked_with_its_own_token_alone():
    address, proxies = "https://lab.acme.example/api/v4", {"https": "http://proxy:1"}
    assert forge_access("gitlab", HERE) == ForgeAccess("glpat-own", "", "", address, "/ca.pem", proxies)


def test_nothing_is_made_up():
    assert (
        forge_access("another", {"https_proxy": ""})
        == forge_access("github", {})
        == forge_access("gitlab", {})
        == ForgeAccess()
    )


def test_what_is_secret_is_not_shown():
    shown = repr(ForgeAccess("ghp_own", "12", "-----BEGIN", proxies={"https": "http://olga:secret@proxy"}))
    assert [word for word in ("ghp_own", "BEGIN", "secret") if word in shown] == []


def test_a_forge_that_is_none_is_refused():
    with pytest.raises(UsageError) as error:
        registry.forge("githubb", ForgeAccess(), "acme/app#1")
    assert str(error.value) == "forge: `githubb` is no forge that greengate knows\n  hint: did you mean `github`?"
