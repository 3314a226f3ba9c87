"""A process that applies changes to a copy of facts for ever: ``python -m tests.adapters.facts.applier PATH``."""

import sys
from pathlib import Path

from image_enforcer.adapters.facts import replica_file
from tests.adapters.facts.replicas import step
from tests.contract.contents import NOON


def main(path: Path) -> None:
    found = replica_file.position(path)
    assert found is not None
    revision = found[1]
    while True:
        revision += 1
        replica_file.apply(path, step(revision), NOON)
        print(revision, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
