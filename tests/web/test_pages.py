"""Serving the built app: compression, caching, security headers, and a clear page when it is not built."""

import gzip

import httpx
import pytest
from starlette.applications import Starlette

from dothi.web.pages import web_routes


@pytest.fixture
def built(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><p>app</p>")
    (tmp_path / "theme.js").write_text("var dark")
    (tmp_path / "assets" / "index-abc.js").write_text("let plain")
    (tmp_path / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(b"let packed"))
    (tmp_path / "assets" / "worker-abc.mjs").write_text("let worker")
    (tmp_path.parent / "secret.txt").write_text("secret")
    return tmp_path


def client(folder):
    app = Starlette(routes=web_routes(folder))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://city")


async def test_the_shell_is_asked_for_again_each_time(built):
    async with client(built) as web:
        answer = await web.get("/")
    assert answer.text == "<!doctype html><p>app</p>"
    assert answer.headers["cache-control"] == "no-cache"


async def test_hashed_assets_are_cached_for_ever(built):
    async with client(built) as web:
        answer = await web.get("/assets/worker-abc.mjs")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


async def test_a_packed_twin_is_sent_to_those_who_take_it(built):
    async with client(built) as web:
        packed = await web.get("/assets/index-abc.js", headers={"accept-encoding": "br;q=1, gzip"})
        plain = await web.get("/assets/index-abc.js", headers={"accept-encoding": "identity"})
    assert (packed.text, packed.headers["content-encoding"]) == ("let packed", "gzip")
    assert packed.headers["content-type"].startswith("text/javascript")
    assert plain.text == "let plain"
    assert plain.headers["vary"] == "accept-encoding"


async def test_every_page_forbids_other_hosts_and_inline_code(built):
    async with client(built) as web:
        answers = [await web.get(path) for path in ("/", "/theme.js", "/assets/index-abc.js")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("/", "./"),
        ("/wall", "./"),
        ("/incidents", "./"),
        ("/incidents/urn:ngsi-ld:Incident:1", "../"),
        ("/entities/urn:x:a%2Fb", "../"),
        ("/entities/urn:x:a/b", "../../"),
    ],
)
async def test_each_page_of_the_app_is_the_shell_which_knows_its_own_folder(built, path, home):
    (built / "index.html").write_text('<!doctype html><base href="./" /><p>app</p>')
    async with client(built) as web:
        answer = await web.get(path)
    assert answer.text == f'<!doctype html><base href="{home}" /><p>app</p>'
    assert "base-uri 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/assets/../../secret.txt", "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/no"]
)
async def test_nothing_outside_the_folder_is_served(built, path):
    async with client(built) as web:
        answer = await web.get(path)
    assert answer.status_code == 404


async def test_a_server_without_the_app_says_how_to_build_it(tmp_path):
    async with client(tmp_path / "absent") as web:
        answer = await web.get("/")
    assert answer.status_code == 503
    assert "make build" in answer.text
    assert "Ứng dụng điều hành" in answer.text
    assert "content-security-policy" in answer.headers
