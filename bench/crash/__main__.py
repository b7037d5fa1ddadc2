"""Kills stations over and over and counts what went wrong: `make crash-campaign KILLS=1000`.

Ends with `kills=N items=N duplicates=N lost=N wrong=N`, and with exit code 1 where something is
not as it must be.
"""

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import get_args

from beltmark.contract.errors import InputError
from bench.crash.disks import lose_power
from bench.crash.judging import RoundResult
from bench.crash.plan import POINTS, plan_rounds
from bench.crash.report import Campaign, report
from bench.crash.round import run_round
from bench.crash.twins import Sabotage
from bench.crash.whole import run_whole

_KILLS_PER_ROUND = 20
_WHOLE_PER_BELT = 10


def main() -> int:
    """Runs a campaign and reports."""
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000, help="altogether")
    parser.add_argument("--whole", type=int, help="of these, of whole agents (default: 2 %%)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=12, help="belts at a time")
    parser.add_argument("--at", choices=POINTS, metavar="POINT", help="kill only at this point")
    parser.add_argument("--round", type=int, help="only this round, to look for a cause")
    parser.add_argument("--keep", type=Path, help="folder for the files of rounds with problems")
    parser.add_argument("--write", type=Path, help="keep the report in this file")
    parser.add_argument(
        "--sabotage",
        choices=get_args(Sabotage),
        default="none",
        help="break the station on purpose: the campaign must then fail",
    )
    parser.add_argument(
        "--power-cut", action="store_true", help="each kill also loses what was not synced"
    )
    arguments = parser.parse_args()
    logging.getLogger("beltmark.simulation").setLevel(logging.ERROR)
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="crash-") as folder:
            if arguments.power_cut:
                lose_power(Path(folder), is_deaf=arguments.sabotage == "forgets syncs")
            results = run(arguments)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    command = (
        f"python -m bench.crash --kills {arguments.kills} --seed {arguments.seed} "
        f"--lanes {arguments.lanes}{' --power-cut' if arguments.power_cut else ''}"
    )
    campaign = Campaign(command, time.monotonic() - begun, results, arguments.power_cut)
    text = report(campaign)
    print(text)
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    print(campaign.last_line)
    return 0 if campaign.is_good else 1


def run(arguments: argparse.Namespace) -> list[RoundResult]:
    """Runs all rounds, several at a time; returns their results in the order of their ends."""
    whole = arguments.kills // 50 if arguments.whole is None else arguments.whole
    if arguments.power_cut:
        whole = 0  # they have more files than the journal's
    rounds: list[Callable[[Path], RoundResult]] = [
        partial(run_whole, arguments.seed + done, min(_WHOLE_PER_BELT, whole - done))
        for done in range(0, whole, _WHOLE_PER_BELT)
    ]
    kills = arguments.kills - whole
    # Few kills are spread over all lanes.
    per_round = max(1, min(_KILLS_PER_ROUND, -(-kills // arguments.lanes)))
    plans = plan_rounds(arguments.seed, kills, per_round, arguments.at)
    if arguments.round is not None:
        rounds, plans = [], [plans[arguments.round]]
    how = {"sabotage": arguments.sabotage, "power_cut": arguments.power_cut}
    rounds += [partial(run_round, plan, **how) for plan in plans]
    results = []
    with ThreadPoolExecutor(arguments.lanes) as lanes:
        begun = [lanes.submit(_in_folder, step, arguments.keep) for step in rounds]
        for done in as_completed(begun):
            result = done.result()
            results.append(result)
            kills, items = sum(result.kills.values()), result.passed
            told = "good" if result.is_good else "NOT GOOD " + "; ".join(result.problems)
            print(
                f"round {result.number}: {kills} kills, {items} items, {told}",
                file=sys.stderr,
                flush=True,
            )
    return results


def _in_folder(step: Callable[[Path], RoundResult], keep: Path | None) -> RoundResult:
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        result = step(Path(folder))
        if keep is not None and not result.is_good:
            shutil.copytree(folder, keep / f"round {result.number}", dirs_exist_ok=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
