"""One HTML page a batch: opens without a network, in any browser, light or dark, on paper too."""

from __future__ import annotations

import base64
import fcntl
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

import edge
from edge.analyze.summary import NAME, Summary, read_summary
from edge.analyze.timeline import bars, clock
from edge.errors import EdgeError
from edge.installation import install_extra

#: Files shown with picture and timeline; a page with thousands of them would not open. The table has all.
_SHOWN = 300


def write_report(out: Path) -> Path:
    """Write report.html about every file whose results lie in `out`, of this run and of others; its path.

    Several machines may do this at once: the last one knows all.
    """
    try:
        from jinja2 import Environment, PackageLoader, select_autoescape
    except ImportError as error:
        raise EdgeError(f"the report needs Jinja ({error}). Install it with: {install_extra('analyze')}") from error
    environment = Environment(
        loader=PackageLoader("edge.analyze", "."),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock, address=lambda name: quote(str(name)))
    path = out / "report.html"
    with (out / ".report.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        summaries = collect(out)
        page = environment.get_template("report.html.j2").render(
            files=[_file(out, summary, number < _SHOWN) for number, summary in enumerate(summaries)],
            shown=_SHOWN,
            failed=sum(bool(summary.failure) for summary in summaries),
            length_s=sum(summary.length_s for summary in summaries),
            made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            version=edge.__version__,
        )
        part = path.with_suffix(".part")
        part.write_text(page, encoding="utf-8")
        part.replace(path)
    return path


def collect(out: Path) -> list[Summary]:
    """The summaries of all results in `out`, by file."""
    found = (read_summary(path.parent) for path in out.rglob(NAME))
    return sorted((summary for summary in found if summary), key=lambda summary: summary.file)


def _file(out: Path, summary: Summary, shown: bool) -> dict[str, object]:
    from markupsafe import Markup

    folder = out / summary.folder
    fused = summary.shares.get("fused") or summary.shares.get("face") or summary.shares.get("speech")
    return {
        "summary": summary,
        "main": max(fused, key=fused.__getitem__) if fused else "",
        "share": max(fused.values()) if fused else 0.0,
        "shown": shown,
        "picture": _data_url(folder / "picture.jpg") if shown else "",
        # Our own drawings, escaped when they were made.
        "timeline": Markup(_text(folder / "timeline.svg")) if shown else "",  # noqa: S704
        "bars": Markup(bars(fused)) if shown and fused and summary.kind == "image" else "",  # noqa: S704
    }


def _data_url(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}" if path.is_file() else ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
