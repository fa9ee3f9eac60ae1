"""The server: uvicorn in a thread of the service, or alone."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import Config, WebConfig
from edge.errors import ConfigError, EdgeError
from edge.installation import install_extra
from edge.web.access import is_loopback, read_access

if TYPE_CHECKING:
    from edge.service.service import Service

_LOG = logging.getLogger(__name__)
_END_S = 1.0


class WebServer:
    """Answers from `start` to `close`. Making one checks everything that can be wrong before.

    Args:
        service: the service beside which it answers, not running yet; None: only analysis.
        file: the configuration file, to which thresholds may be written; None: there is none.

    Raises (at construction):
        ConfigError: tokens or certificate cannot be used, or others could reach it without a token.
        EdgeError: the libraries of the extra ``web`` are missing.
    """

    def __init__(self, config: Config, service: Service | None = None, file: Path | None = None) -> None:
        try:
            import uvicorn

            from edge.web.api import Api
            from edge.web.now import Now
        except ImportError as error:
            raise EdgeError(f"[web] needs a library ({error}). Install it with: {install_extra('web')}") from error
        web = config.web
        access = read_access(web)
        _check_certificate(web)
        if not web.cert_file and not is_loopback(web.host):
            _LOG.warning("[web] others can reach %s, and without cert_file tokens and media travel readably", web.host)
        now = Now(service) if service else None
        self._server = uvicorn.Server(
            uvicorn.Config(
                Api(config, access, now, file).application(),
                host=web.host,
                port=web.port,
                ssl_certfile=web.cert_file or None,
                ssl_keyfile=web.key_file or None,
                log_config=None,
                access_log=False,
                server_header=False,
                h11_max_incomplete_event_size=16_384,
                limit_concurrency=128,
                timeout_keep_alive=10,
                timeout_graceful_shutdown=int(_END_S),
            )
        )
        self._address = f"{'https' if web.cert_file else 'http'}://{web.host}:{web.port}"
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Begin to answer. A port that is taken is told in the log and costs nothing else."""
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def wait(self) -> bool:
        """Wait for the end; whether it ever answered."""
        self._thread.join()
        return bool(self._server.started)

    def close(self) -> None:
        """Stop, at any time, from any thread; `wait` returns soon after."""
        self._server.should_exit = True

    def _run(self) -> None:
        _LOG.info("web: answers at %s", self._address)
        try:
            self._server.run()
        except SystemExit:  # how uvicorn says that the port is taken; it has logged why
            _LOG.error("web: %s cannot be opened: is the port taken? Choose another with [web] port", self._address)


def serve(config: Config, asked: Callable[[], bool]) -> int:
    """Analysis over HTTP without camera and microphone, until `asked`; the exit code.

    Raises:
        ConfigError, EdgeError: as `WebServer`.
    """
    server = WebServer(config)
    from edge.web.judge import lacking  # what it imports is there: a server could be made

    if why := lacking(config):
        _LOG.error("web: nothing that is sent can be analysed until this is mended: %s", why)
    server.start()
    while not asked() and server.running:
        time.sleep(0.2)
    server.close()
    return 0 if server.wait() else 1


def _check_certificate(web: WebConfig) -> None:
    if not web.cert_file:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(web.cert_file, web.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"[web] cert_file {web.cert_file}, key_file {web.key_file}: cannot be used: {error}"
        ) from error
