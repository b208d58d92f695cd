"""The service talks to nobody: starting and serving opens no connection to anywhere.

ONNX Runtime reports to its maker unless it is told not to before it is imported, and stays silent by itself where it
believes to be on CI. So the service runs here in a bare environment under strace, for longer than a control program
with reporting left on needs until it is seen trying.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.processes import ROOT, free_port
from tests.model_folders import picture, write_model

_PATIENCE_S = 60.0
_POLL_S = 0.1
_OUTSIDE = re.compile(r'AF_INET6?,.*?(?:inet_addr\("|inet_pton\(AF_INET6, ")(?!127\.|::1"|::ffff:127\.)')

CONTROL = """
import sys, time, onnxruntime
session = onnxruntime.InferenceSession(open(sys.argv[1], "rb").read())
time.sleep(120)
"""


def strace_works() -> bool:
    """Tell whether processes can be watched here."""
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0
    )


def attempts(trace: Path) -> list[str]:
    """List the connections and datagrams to other machines in a trace."""
    return [line for line in trace.read_text(encoding="utf-8").splitlines() if _OUTSIDE.search(line)]


def start(trace: Path, *command: str, **environment: str) -> subprocess.Popen[bytes]:
    """Run Python under strace in a bare environment, without a word about CI."""
    strace = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(trace), sys.executable, *command]
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(trace.parent), **environment}
    return subprocess.Popen(strace, cwd=ROOT, env=bare, stderr=subprocess.DEVNULL, start_new_session=True)


@pytest.mark.skipif(not strace_works(), reason="strace is missing or may not trace here")
def test_serving_opens_no_connection_to_anywhere(tmp_path: Path) -> None:
    """The control program is seen trying to report; the service, watched for longer, is not."""
    write_model(tmp_path / "models")
    control_trace, service_trace = tmp_path / "control.trace", tmp_path / "service.trace"
    port = free_port()
    started = time.monotonic()
    service = start(service_trace, "-m", "service", CONVSERVE_MODELS_DIR=f"{tmp_path}/models", CONVSERVE_PORT=str(port))
    control = start(control_trace, "-c", CONTROL, f"{tmp_path}/models/colors/1/model.onnx")
    try:
        while not (control_trace.exists() and attempts(control_trace)):
            assert time.monotonic() - started < _PATIENCE_S, "the control program was not seen trying to report"
            time.sleep(_POLL_S)  # nothing but the trace tells when another process opens a connection
        watched_until = time.monotonic() + (time.monotonic() - started)
        answered = 0
        while time.monotonic() < watched_until or answered == 0:
            answer = httpx.post(f"http://127.0.0.1:{port}/predict", content=picture("red"), timeout=_PATIENCE_S)
            answered += answer.status_code == 200
    finally:
        for process in (control, service):
            os.killpg(process.pid, signal.SIGKILL)  # strace and what it watches
            process.wait(_PATIENCE_S)
    assert answered
    assert attempts(service_trace) == []
