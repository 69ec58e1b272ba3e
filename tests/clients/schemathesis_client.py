"""PyPI's schemathesis against the Management API and its OpenAPI document."""

import json
import subprocess
import sys
from pathlib import Path

import requests
from openapi_spec_validator import validate

given = json.loads(sys.argv[1])

# How many requests are made up for each operation, beside those that go through the
# bounds of every property; and from what.
EXAMPLES = 4
SEED = 1

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
]

# An answer without an end; and what ends the very token that asks.
LEFT_OUT = ["get_logs_stream", "put_keys_signing_by_kid_revoke"]


def report(step, **outcome):
    """One line of JSON for the test."""
    print(json.dumps({"step": step, **outcome}), flush=True)


address = given["issuer"] + "api/v2/openapi.json"
document = requests.get(address, timeout=30).json()
validate(document)
report("document", openapi=document["openapi"])

command = [sys.executable, "-m", "schemathesis.cli", "run", address, "--no-color"]
command += ["--header", f"Authorization: Bearer {given['token']}"]
command += ["--phases", "coverage,fuzzing", "--checks", ",".join(CHECKS)]
command += ["--max-examples", str(EXAMPLES), "--seed", str(SEED)]
command += ["--generation-deterministic"]
command += ["--no-shrink", "--continue-on-failure", "--suppress-health-check", "all"]
command += ["--warnings", "off", "--report", "json", "--report-json-path", "run.json"]
for operation in LEFT_OUT:
    command += ["--exclude-operation-id", operation]

ran = subprocess.run(command, capture_output=True, text=True, check=False)
outcome = json.loads(Path("run.json").read_text(encoding="utf-8"))
failures = [*outcome["failures"], *outcome["errors"]]
if failures or ran.returncode != 0:
    sys.stderr.write(ran.stdout + ran.stderr)
report("run", requests=outcome["test_cases"]["generated"], failures=failures)
sys.exit(ran.returncode)
