"""MLServer: its settings for the trees, as its scikit-learn runtime has them. Run once before `mlserver start`."""

import json
import shutil
import sys
from pathlib import Path

if __name__ == "__main__":
    source, folder, port, kind = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(source, folder / "model.joblib")
    batches = {"max_batch_size": 16, "max_batch_time": 0.002} if kind == "batched" else {}
    model = {
        "name": "trees",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib"},
        **batches,
    }
    # In the server's own process: faster here than its pool of one worker, and no slower at anything measured.
    server = {
        "host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "metrics_port": port + 2,
        "parallel_workers": 0, "debug": False, "use_structured_logging": False,
    }  # fmt: skip
    (folder / "model-settings.json").write_text(json.dumps(model))
    (folder / "settings.json").write_text(json.dumps(server))
