"""Models in this process: a model directory, its runtime, generation under grammars, and the endpoint type ``local``.

Importing this imports neither torch, transformers nor onnxruntime: a runtime's libraries are imported when a model is loaded.
"""

from eudoxus.decoding.local.loading import load
from eudoxus.decoding.local.model import LocalModel, Session

__all__ = ["LocalModel", "Session", "load"]
