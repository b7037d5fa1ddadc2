"""Runs one round: a belt, and one life after the other that is killed; then all is mended.

What it is worth is left to `judging`.
"""

import contextlib
import json
import multiprocessing
import multiprocessing.connection
import random
import sqlite3
import threading
import time
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bench.crash.belt import ScriptedStation
from bench.crash.disks import Disk, KeepingDisk, LosingDisk
from bench.crash.judging import RoundResult, judge_round
from bench.crash.life import JOURNAL, REFUSED, Birth, live
from bench.crash.person import Person
from bench.crash.plan import LONGEST_LIFE_S, Fitting, Kill, RoundPlan
from bench.crash.troubles import Troubles
from bench.crash.twins import Sabotage

_RUN_EMPTY_S = 90.0
_END_S = 30.0
_LAST_LIFE_S = 2.0
_LIVES_BEFORE_ENDING_S = 2.5
_AFTER_REFUSAL_S = 0.1

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["bench.crash.life"])
# multiprocessing looks after all its processes at every start: two threads must not at once.
_PROCESSES = threading.Lock()


def run_round(
    plan: RoundPlan, folder: Path, *, sabotage: Sabotage = "none", power_cut: bool = False
) -> RoundResult:
    """Runs a round in an empty folder, which is left as it ended.

    Args:
        plan: What happens.
        folder: For the journal.
        sabotage: What is broken on purpose.
        power_cut: Whether each kill is one; only after `disks.lose_power`.
    """
    disk: Disk = KeepingDisk()
    if power_cut:
        disk = LosingDisk(folder, random.Random(f"power {plan.seed}"))
    result = RoundResult(plan.number)
    with ScriptedStation(plan.seed, plan.fitting) as station:
        person = Person(station, folder, random.Random(f"person {plan.seed}"))
        with Troubles(station.printer, folder, plan.troubles) as troubles:
            lives = _Lives(
                station, troubles, folder, plan.fitting,
                disk=disk, sabotage=sabotage, result=result,
            )  # fmt: skip
            with person if plan.fitting.has_hands else contextlib.nullcontext():
                for kill in plan.kills:
                    lives.live(kill)
                result.troubles = troubles.had
                troubles.end()
                lives.live_to_the_end(person)
        truth = station.truth()
        (folder / "truth.json").write_text(json.dumps(station.history(), indent=1, default=str))
    judge_round(result, truth, folder / JOURNAL)
    return result


class _Lives:
    """Begins and ends the processes of one round."""

    def __init__(
        self,
        station: ScriptedStation,
        troubles: Troubles,
        folder: Path,
        fitting: Fitting,
        *,
        disk: Disk,
        sabotage: Sabotage,
        result: RoundResult,
    ) -> None:
        self._station, self._troubles, self._folder = station, troubles, folder
        self._fitting, self._disk = fitting, disk
        self._sabotage, self._result = sabotage, result

    def live(self, kill: Kill) -> None:
        """Lets a process live until it is killed in the way planned."""
        patience = 1.0
        while True:
            process = self._start(kill)
            came_to_point = self._await_end(process, kill, patience)
            code = _end(process)
            self._troubles.now_lives(None)
            if code < 0:
                self._disk.was_killed()
                break
            if code == REFUSED:
                self._result.outcomes["(refused to start: the disk was full)"] += 1
                time.sleep(_AFTER_REFUSAL_S)
            elif kill.kind != "ending" or code != 0:
                self._result.problems.append(f"a process ended by itself with code {code}")
                return
            patience /= 2  # its orderly end was quicker than the kill
        self._result.kills[kill.told if came_to_point else "a random time"] += 1
        self._result.missed_points += not came_to_point

    def live_to_the_end(self, person: Person) -> None:
        """Lets the belt run empty, each label come to an end, and the last process end in order."""
        process = self._start(Kill("random"))
        self._station.stop_feeding()
        person.let_be()
        _ends_within(process, _LAST_LIFE_S)
        end = time.monotonic() + _RUN_EMPTY_S
        while not self._station.is_empty and time.monotonic() < end:
            time.sleep(0.1)
        if not self._station.is_empty:
            self._result.problems.append("the belt did not run empty")
        # A label that a slow printer still holds has no end yet, whoever is asked.
        while (waits := self._has_open_labels() or person.waits) and time.monotonic() < end:
            time.sleep(0.1)
        if waits:
            self._result.problems.append("with all mended, a label had no end in time")
        person.end()
        process.terminate()
        _ends_within(process, _END_S)
        if (code := _end(process)) != 0:
            self._result.problems.append(f"the last process ended with code {code}")

    def _has_open_labels(self) -> bool:
        with closing(sqlite3.connect(self._folder / JOURNAL, timeout=5.0)) as connection:
            query = "SELECT count(*) FROM labels WHERE closed_at IS NULL"
            return bool(connection.execute(query).fetchone()[0])

    def _start(self, kill: Kill) -> ForkServerProcess:
        station = self._station
        birth = Birth(
            self._folder,
            station.printer.port,
            station.spare.port if self._fitting.has_spare else None,
            station.relay,
            kill,
            sabotage=self._sabotage,
            boot=self._disk.boot,
            fitting=self._fitting,
        )
        with station.look() as camera:
            process = _CONTEXT.Process(target=live, args=(birth, camera), daemon=True)
            with _PROCESSES:
                process.start()
        self._troubles.now_lives(process.pid)
        return process

    def _await_end(self, process: ForkServerProcess, kill: Kill, patience: float) -> bool:
        """Returns whether it ended, or is to end, at the moment planned."""
        match kill.kind:
            case "point":
                return _ends_within(process, LONGEST_LIFE_S)
            case "ending":
                if not _ends_within(process, _LIVES_BEFORE_ENDING_S):
                    process.terminate()
        _ends_within(process, patience * kill.after_s)
        return True


def _end(process: ForkServerProcess) -> int:
    """Kills it if it still lives; returns its exit code, negative where it was killed."""
    if not _ends_within(process, 0.0):
        process.kill()
    _ends_within(process, None)
    with _PROCESSES:
        process.join()
    code = process.exitcode
    assert code is not None
    return code


def _ends_within(process: ForkServerProcess, seconds: float | None) -> bool:
    return bool(multiprocessing.connection.wait([process.sentinel], seconds))
