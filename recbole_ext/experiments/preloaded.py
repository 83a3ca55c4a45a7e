"""What the server of ``multiprocessing`` imports that forks the processes of runs."""

from recbole_ext.experiments.fork_server import preload

preload()
