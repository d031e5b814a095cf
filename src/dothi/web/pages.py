"""Serves the built app: the shell, its hashed assets (compressed when they were built), or how to build it."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from dothi.web.security import SecureHeaders

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

#: Encoding -> ending of the compressed twin that the build writes beside a file; the first accepted one is taken.
ENCODINGS = {"br": ".br", "gzip": ".gz"}

#: Endings of files whose media type the system's table may not know.
MEDIA_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

NOT_BUILT = """<!doctype html>
<html lang="vi">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>dothi</title></head>
<body>
<main>
<h1>Ứng dụng điều hành chưa được dựng</h1>
<p>Máy chủ đang chạy, nhưng bản cài đặt này chưa có giao diện. Chạy <code>make build</code> trong thư mục mã nguồn
rồi tải lại trang.</p>
<div lang="en">
<h1>The operations app has not been built</h1>
<p>The server is running, but this installation holds no app. Run <code>make build</code> in the source folder, then
reload this page.</p>
</div>
<p>NGSI-LD API: <a href="ngsi-ld/v1/types">/ngsi-ld/v1/types</a></p>
</main>
</body>
</html>
"""

#: Addresses that the app itself reads (web/src/lib/pages.ts): each is answered with the shell.
APP_PAGES = (
    "wall",
    "alarms",
    "incidents",
    "procedures",
    "shift",
    "rules",
    "entities",
    "health",
    "style",
)
#: Pages that show one thing, whose id stands behind them.
APP_PAGES_WITH_ID = ("incidents", "procedures", "rules", "entities", "alarms")

#: Not async, so that Starlette runs it in a thread: it looks at the disk.
Endpoint = Callable[[Request], Response]


def web_routes(static_folder: Path) -> list[BaseRoute]:
    """The app's routes: `/`, its pages, and every file of the folder that the build wrote.

    The shell names its own folder by a relative <base>, so that it works at any depth and behind any prefix.
    Files under `assets/` carry a hash in their name and are cached for ever; the others are asked for again each time.
    The folder is looked at on each request, so building the app needs no restart.
    """
    middleware = [Middleware(SecureHeaders)]
    shell = _shell(static_folder)
    return [
        Route("/", shell, name="app", middleware=middleware),
        *(Route(f"/{page}", shell, middleware=middleware) for page in APP_PAGES),
        *(Route(f"/{page}/{{id:path}}", shell, middleware=middleware) for page in APP_PAGES_WITH_ID),
        Route("/assets/{path:path}", _files(static_folder / "assets", FOR_EVER), middleware=middleware),
        Route("/{path:str}", _files(static_folder, ASK_AGAIN), middleware=middleware),
    ]


def _shell(folder: Path) -> Endpoint:
    def shell(request: Request) -> Response:
        page = folder / "index.html"
        if not page.is_file():
            return HTMLResponse(NOT_BUILT, status_code=503, headers={"cache-control": "no-store"})
        depth = request.scope["raw_path"].count(b"/") - 1  # as the browser counts: a slash in an id is escaped
        home = "../" * depth or "./"
        text = page.read_text("utf-8").replace('<base href="./"', f'<base href="{home}"', 1)
        return HTMLResponse(text, headers={"cache-control": ASK_AGAIN})

    return shell


def _files(folder: Path, cache: str) -> Endpoint:
    def files(request: Request) -> Response:
        root = folder.resolve()
        try:
            path = (root / request.path_params["path"]).resolve()
            is_there = path.is_relative_to(root) and path.is_file()
        except (OSError, ValueError):  # a name that no file can have: too long, or with a null byte
            is_there = False
        if not is_there:
            raise HTTPException(404, f"no file {request.url.path} in the app")
        return _file(path, request, cache)

    return files


def _file(path: Path, request: Request, cache: str) -> Response:
    headers = {"cache-control": cache, "vary": "accept-encoding"}
    media_type = MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    accepted = {part.split(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    for encoding, ending in ENCODINGS.items():
        twin = path.with_name(path.name + ending)
        if encoding in accepted and twin.is_file():
            return FileResponse(twin, media_type=media_type, headers={**headers, "content-encoding": encoding})
    return FileResponse(path, media_type=media_type, headers=headers)
