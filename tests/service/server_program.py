"""A service as a process of its own, to be killed: ``python -m tests.service.server_program DATA_DIR UPSTREAM_URL GRACE``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from eudoxus.service.app import create_app
from eudoxus.service.logs import set_up
from eudoxus.service.server import server_for
from eudoxus.service.settings import Settings
from tests.service.strategies import registry

if __name__ == "__main__":
    endpoints: Any = {"up": {"type": "openai", "base_url": sys.argv[2]}}
    settings = Settings(port=int(sys.argv[4]), data_dir=Path(sys.argv[1]), endpoints=endpoints, shutdown_grace=float(sys.argv[3]))
    set_up("info")
    server_for(create_app(settings, registry=registry()), settings).run()
