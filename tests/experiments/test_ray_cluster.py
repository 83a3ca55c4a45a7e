"""Ray that is not installed, and what answers at a cluster's address."""

import socket
import sys
import threading

import pytest
from click.testing import CliRunner

from recbole_ext.cli import benchmark, hyper
from recbole_ext.errors import UserError
from recbole_ext.experiments import ray_cluster, recbole_hyper

ADVICE = "Ray is not installed; pip install 'recbole-ext[ray]'"


@pytest.fixture
def no_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)


@pytest.mark.parametrize(
    ("command", "words", "option"),
    [
        (
            hyper.main,
            ("--model=AutoRec", "--dataset=ml-100k", "--params_file=space.txt", "--tool=Ray"),
            "--tool=Ray",
        ),
        (benchmark.benchmark, ("plan.yaml", "--ray", "auto"), "--ray"),
    ],
    ids=["run_hyper", "benchmark"],
)
def test_without_ray_a_command_says_how_to_get_it(command, words, option, no_ray, tmp_path):
    (tmp_path / "space.txt").write_text("reg_weight choice [0.1]\n")
    (tmp_path / "plan.yaml").write_text(
        "datasets: [ml-100k]\nprotocols: {default: NDCG@10}\nseeds: [1]\nmodels: {Pop: {}}\n"
    )
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.partition("; log")[0] == f"error: {option}: {ADVICE}"
    assert {path.name for path in tmp_path.iterdir()} == {"space.txt", "plan.yaml"}


def test_without_ray_from_python(no_ray):
    with pytest.raises(UserError, match="--ray auto: Ray is not installed"):
        list(ray_cluster.run_all({}, len, "auto"))
    with pytest.raises(UserError, match="--tool=Ray: Ray is not installed"):
        recbole_hyper.with_ray({}, None, {}, {})


@pytest.fixture
def server():
    """`server(answer)` is the address at which one client is read and gets an answer."""
    listening = []

    def start(answer):
        held = socket.create_server(("127.0.0.1", 0))
        listening.append(held)

        def serve():
            client, _ = held.accept()
            with client:
                client.recv(1000)
                client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{held.getsockname()[1]}"

    yield start
    for held in listening:
        held.close()


# The first frame of a server of HTTP/2: 24 bytes of settings.
SETTINGS = bytes([0, 0, 24, 4, 0, 0, 0, 0, 0]) + bytes(24)


def test_a_cluster_greets_back(server):
    ray_cluster._greet(server(SETTINGS))
    ray_cluster._greet(f"{server(SETTINGS)}/path")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\0\0\x18\7\0"])
def test_another_server_is_no_cluster(answer, server):
    with pytest.raises(ConnectionError, match="what answers is no cluster"):
        ray_cluster._greet(server(answer))


def test_a_cluster_with_certificates_is_asked_by_ray(server, monkeypatch):
    monkeypatch.setenv("RAY_USE_TLS", "1")
    ray_cluster._greet(server(b""))
