"""A real S3-compatible server on this machine, and keys of those who may and may not write."""

from __future__ import annotations

import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.core.project import Project, read_table


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """The folder of two key pairs: ``robot``, who writes the cache, and ``mallory``."""
    pytest.importorskip("fsspec")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("robot", "mallory"):
        line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(line, check=True, stdin=subprocess.DEVNULL)
    (folder / "signers").write_text(f"robot@example.org {(folder / 'robot.pub').read_text()}")
    return folder


@pytest.fixture(scope="session")
def server():
    """The address of an S3-compatible server."""
    server_module = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    running = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def s3(server, monkeypatch):
    """The address of an empty bucket, which this process and those it starts can use."""
    import fsspec

    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, {"AWS_ENDPOINT_URL": server, "AWS_DEFAULT_REGION": "us-east-1"}.get(name, "testing"))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    bucket = f"bucket-{uuid.uuid4().hex}"
    fsspec.filesystem("s3").mkdir(bucket)
    return f"s3://{bucket}/team"


@pytest.fixture
def anew():
    """A function that forgets all connections, as another process has none: the environment is read again."""
    import fsspec

    forget = fsspec.get_filesystem_class("s3").clear_instance_cache
    yield forget
    forget()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in ("HARNESS_CACHE", "HARNESS_CACHE_KEY", "GITHUB_EVENT_NAME", "CI_MERGE_REQUEST_IID", "BUILD_REASON"):
        monkeypatch.delenv(name, raising=False)


@dataclass(frozen=True)
class Machines:
    """Projects that share one cache; each has a state of its own."""

    folder: Path
    url: str
    signers: Path

    def machine(self, name: str, **settings) -> Project:
        root = self.folder / name
        root.mkdir(exist_ok=True)
        table = {"cache": self.url, "cache_signers": str(self.signers), "remote_seconds": 5.0, **settings}
        return read_table(root, table)


@pytest.fixture
def machines(request, tmp_path, keys):
    """Machines that share a folder, or a bucket where the test is given ``"s3"``."""
    if getattr(request, "param", "file") == "s3":
        return Machines(tmp_path, request.getfixturevalue("s3"), keys / "signers")
    (tmp_path / "shared").mkdir()
    return Machines(tmp_path, f"file://{tmp_path}/shared", keys / "signers")
