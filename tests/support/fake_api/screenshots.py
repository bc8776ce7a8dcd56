"""`make screenshots`: the pictures in docs/images, of canned answers."""

import argparse
import sys
from pathlib import Path

from local.screenshots import IMAGES, write
from s3rt.outputs import Outputs
from tests.support.fake_api.server import serving


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when all pictures are written, 1 when there is no browser."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.fake_api.screenshots", description=__doc__
    )
    parser.add_argument("--images", type=Path, default=IMAGES, help="where they go")
    options = parser.parse_args(arguments)
    with serving() as fake:
        return write(Outputs({"ApiUrl": fake.url}, "us-east-1", fake.url), options.images)


if __name__ == "__main__":
    sys.exit(main())
