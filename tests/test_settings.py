"""Settings: flags over environment over file, and faults that say where they are."""

import pytest

from dothi.settings import SettingsError, read_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_without_anything_it_listens_on_loopback():
    server = read_settings().server
    assert (server.host, server.port) == ("127.0.0.1", 8090)


def test_flags_win_over_environment_and_environment_over_the_file(tmp_path, monkeypatch):
    (tmp_path / "dothi.toml").write_text('[server]\nport = 1\nmax_page = 7\n[city]\nname_en = "File"\n')
    monkeypatch.setenv("DOTHI__SERVER__PORT", "2")
    monkeypatch.setenv("DOTHI__CITY__NAME_EN", "Environment")
    settings = read_settings(server={"port": 3})
    assert (settings.server.port, settings.server.max_page, settings.city.name_en) == (3, 7, "Environment")


def test_an_open_address_needs_a_token():
    with pytest.raises(SettingsError, match=r"set server\.token"):
        read_settings(server={"host": "0.0.0.0"})
    assert read_settings(server={"host": "0.0.0.0", "token": "x" * 16}).server.token


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[server]\nprot = 1", r"dothi.toml: server\.prot"),
        ("[server]\nport = 70000", r"dothi.toml: server\.port: .*65535"),
        ("[server", "no valid TOML"),
        ('[[mqtt]]\nname = "a"', r"mqtt\.0\.topics"),
    ],
)
def test_a_fault_names_file_and_setting(tmp_path, text, fault):
    (tmp_path / "dothi.toml").write_text(text)
    with pytest.raises(SettingsError, match=fault):
        read_settings()


def test_a_missing_file_that_was_asked_for_is_told(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "absent.toml")
