"""What is installed here: version, models, where each runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import edge
from edge.config import Config
from edge.perceive.golden import check_golden
from edge.remembered import from_environment
from edge.service.models import load_any, wanted_models


def about(config: Config) -> dict[str, Any]:
    """Version and models of `config`, as JSON; loads each model where the service would run it.

    Raises:
        ModelError: a model cannot be used.
    """
    models = []
    for task, name in wanted_models(config):
        model, choice = load_any(name, task, config, from_environment())
        package = model.package
        models.append(
            {
                "task": task,
                "name": package.name,
                "version": package.version,
                "sha256": package.sha256,
                "folder": str(package.folder),
                "licence": package.licence,
                **asdict(choice),
                "golden": asdict(check_golden(model)),
            }
        )
    return {"version": edge.__version__, "models": models}


def as_text(told: dict[str, Any]) -> str:
    """What `about` tells, for a person."""
    lines = [f"emotion-edge {told['version']}"]
    for model in told["models"]:
        lines += [
            f"{model['task']}: {model['name']} {model['version']}, sha256 {model['sha256'][:16]}..., {model['folder']}",
            f"  runs on {model['accelerator']}, {model['file']}: {model['reason']}",
            *([f"  {model['p50_ms']} ms a call, CPU {model['cpu_p50_ms']} ms"] if model["p50_ms"] else []),
            f"  golden vectors {model['golden']['status']}: {model['golden']['message']}",
            f"  licence: {model['licence']}",
        ]
    return "\n".join(lines)
