"""What ``ztoq extract`` is compared with: dlt's REST source, cases and their steps into DuckDB.

Runs in an environment of its own that has ``dlt[duckdb]``; imports nothing of this project.
``python by_dlt.py URL TOKEN PROJECT FOLDER WORKERS``
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PAGE = 1000
url, token, project, folder, workers = sys.argv[1:]
os.environ |= {
    "DLT_DATA_DIR": folder,
    "EXTRACT__WORKERS": workers,
    "EXTRACT__MAX_PARALLEL_ITEMS": str(2 * int(workers)),
    "NORMALIZE__WORKERS": "2",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}

import dlt  # type: ignore[import-not-found]  # noqa: E402 - it reads its settings when imported
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]  # noqa: E402

source = rest_api_source(
    {
        "client": {
            "base_url": f"{url}/",
            "auth": {"type": "bearer", "token": token},
        },
        "resources": [
            {
                "name": "cases",
                "primary_key": "key",
                "parallelized": True,
                "endpoint": {
                    "path": "testcases/nextgen",
                    "params": {"projectKey": project, "limit": PAGE},
                    "data_selector": "values",
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "nextStartAtId",
                        "cursor_param": "startAtId",
                    },
                },
            },
            {
                "name": "steps",
                "parallelized": True,
                "include_from_parent": ["key"],
                "endpoint": {
                    "path": "testcases/{resources.cases.key}/teststeps",
                    "params": {"maxResults": PAGE},
                    "data_selector": "values",
                    "paginator": {
                        "type": "offset",
                        "limit": PAGE,
                        "limit_param": "maxResults",
                        "offset_param": "startAt",
                        "total_path": "total",
                    },
                },
            },
        ],
    }
)
pipeline = dlt.pipeline(
    pipeline_name="compared",
    destination=dlt.destinations.duckdb(str(Path(folder) / "compared.duckdb")),
    dataset_name="zephyr",
    pipelines_dir=folder,
)
pipeline.run(source)
with pipeline.sql_client() as client:
    for table in ("cases", "steps"):
        (number,) = client.execute_sql(f"SELECT count(*) FROM {table}")[0]  # noqa: S608 - our own names
        sys.stdout.write(f"{table} {number}\n")
