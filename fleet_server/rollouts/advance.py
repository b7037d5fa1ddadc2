"""Decides what a rollout does next. Pure: who calls it knows the devices, and asks them.

Three rules hold whatever devices and people do (tests draw them at random):

- Devices of two waves are never updating at the same time.
- A wave follows only where the one before passed its gates, on what was measured: silence is no
  success. (What a device that is off-line was asked for waits for it; it counts with the wave in
  which it comes back.)
- What was stopped stays so until a person acts.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fleet_server.rollouts.figures import Evidence
from fleet_server.rollouts.plan import Gates, Plan, Wave
from fleet_server.rollouts.state import IN_FLIGHT, LOST, Fact, Member, Order, Phase, State, Status

_ANSWERED_RUNNING = ("running", "idle")


@dataclass(frozen=True)
class Moment:
    """When a rollout is looked at.

    Attributes:
        passed_s: Time since the last look by a clock that nobody sets; 0 after a restart.
        at: Seconds since the epoch.
        is_open: Whether devices may be asked now.
    """

    passed_s: float
    at: float
    is_open: bool = True


@dataclass
class Step:
    """What came of a look.

    Attributes:
        state: The rollout from now on.
        orders: What devices are to be asked; `asked` notes the versions that come of it.
        told: What happened, for the log.
    """

    state: State
    orders: list[Order] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def advance(
    plan: Plan, state: State, facts: Mapping[str, Fact], evidence: Evidence, moment: Moment
) -> Step:
    """Returns what follows from what is known now.

    Args:
        plan: What the rollout is to do.
        state: How far it is.
        facts: The fleet's devices by name.
        evidence: What the floor's figures say of the current wave.
        moment: When this is.
    """
    clock_s = state.clock_s + moment.passed_s
    members = {
        name: _moved(plan, each, facts.get(name), clock_s, moment)
        for name, each in state.members.items()
    }
    step = Step(state.model_copy(update={"clock_s": clock_s, "members": members}))
    if state.status in ("running", "paused"):
        _judge(plan, step, facts, evidence, moment)
    if step.state.status == "running" and moment.is_open:
        _ask(plan, step, facts, moment)
    return step


def asked(state: State, device: str, version: int) -> State:
    """Returns the state with the version of the desired state that an order became."""
    member = state.members[device].model_copy(update={"version": version})
    return state.model_copy(update={"members": {**state.members, device: member}})


def pause(state: State, by: str) -> State | None:
    """Returns the state of a rollout that asks nobody any more; None where none runs."""
    if state.status != "running":
        return None
    return state.model_copy(update={"status": "paused", "reason": f"paused by {by}"})


def resume(state: State) -> State | None:
    """Returns the state of one that goes on after a pause; None where none is paused."""
    if state.status != "paused":
        return None
    return state.model_copy(update={"status": "running", "reason": ""})


def abort(plan: Plan, state: State, by: str, moment: Moment, *, everywhere: bool = False) -> Step:
    """Ends a rollout for good: who is updating is asked to go back.

    Args:
        plan: What it was to do.
        state: How far it is.
        by: Who ends it.
        moment: When this is.
        everywhere: Takes the release back from devices that run it, too; also from a rollout that
            is over.
    """
    step = Step(state)
    status: Status = state.status if state.status in ("stopped", "done") else "aborted"
    _end(plan, step, status, f"ended by {by}", moment, everywhere=everywhere)
    return step


def retry(state: State) -> State | None:
    """Returns the state of one that tries again with what failed or went back in its last wave.

    None where it does not stand still on its own accord, or ended for good.
    """
    if state.status not in ("stopped", "running", "paused") or state.wave < 0:
        return None
    members = {
        name: Member(wave=each.wave, previous=each.previous, asked_at=each.asked_at)
        if each.wave == state.wave and each.phase in {*LOST, "back", "recalling"}
        else each
        for name, each in state.members.items()
    }
    return state.model_copy(update={"status": "running", "members": members, "reason": ""})


def _moved(plan: Plan, member: Member, fact: Fact | None, clock_s: float, moment: Moment) -> Member:
    """Returns a device as it is now."""
    if fact is None or member.phase in ("waiting", "overruled"):
        return member
    if member.version and fact.version != member.version and member.phase not in LOST | {"back"}:
        return _in(member, "overruled", clock_s, moment, f"asked to run {fact.desired}")
    waited_s = member.waited_s + (moment.passed_s if fact.is_online else 0)
    member = member.model_copy(update={"waited_s": waited_s})
    if member.phase in IN_FLIGHT:
        member = _updated(plan, member, fact, clock_s, moment)
    elif member.phase == "recalling" and fact.running == member.previous:
        if fact.answered >= member.version:
            member = _in(member, "back", clock_s, moment, member.reason)
    elif member.phase == "running":
        is_refused = fact.answered >= member.version and fact.update == "refused"
        if is_refused or fact.running != plan.release:
            why = fact.reason if is_refused else f"runs {fact.running} again"
            member = _in(member, "failed", clock_s, moment, why)
    return member


def _updated(plan: Plan, member: Member, fact: Fact, clock_s: float, moment: Moment) -> Member:
    """Returns a device that is updating, as it is now."""
    if fact.answered >= member.version:
        if fact.update == "refused":
            return _in(member, "failed", clock_s, moment, fact.reason or "refused")
        if fact.running == plan.release and fact.update in _ANSWERED_RUNNING:
            return _in(member, "running", clock_s, moment)
        if member.phase == "asked":
            member = _in(member, "updating", clock_s, moment)
    limit_s = plan.answer_s if member.phase == "asked" else plan.update_s
    if member.waited_s > limit_s:
        did = "answer" if member.phase == "asked" else "finish"
        return _in(member, "overdue", clock_s, moment, f"did not {did} within {limit_s:g} s")
    return member.model_copy(update={"reason": fact.reason if member.phase == "updating" else ""})


def _in(member: Member, phase: Phase, clock_s: float, moment: Moment, reason: str = "") -> Member:
    return member.model_copy(
        update={
            "phase": phase,
            "waited_s": 0.0,
            "since_s": clock_s,
            "since": moment.at,
            "reason": reason[:500],
        }
    )


def _judge(
    plan: Plan, step: Step, facts: Mapping[str, Fact], evidence: Evidence, moment: Moment
) -> None:
    """Stops the rollout, or lets the next wave begin, or says what is waited for."""
    state, gates = step.state, plan.gates
    wave = state.of_wave(state.wave)
    reached = {name: each for name, each in state.members.items() if each.phase != "overruled"}
    for some, whose in ((wave, f"wave {state.wave + 1}"), (reached, "all waves")):
        lost = [name for name, each in some.items() if each.phase in LOST]
        if len(lost) > gates.failed * len(some):
            first = f"{lost[0]}: {some[lost[0]].reason}"
            why = f"{len(lost)} of {len(some)} devices of {whose} failed ({first})"
            _end(plan, step, "stopped", why, moment, everywhere=False)
            return
    if evidence.worse:
        _end(plan, step, "stopped", evidence.worse[0], moment, everywhere=plan.on_stop == "all")
        return
    if state.status == "paused":
        return
    is_last = state.wave + 1 == len(plan.waves)
    waits = "" if state.wave < 0 else _waits_for(plan, state, wave, facts, evidence)
    if not waits and not is_last and not moment.is_open:
        waits = "waits for its window"
    if waits:
        step.state = state.model_copy(update={"reason": waits})
    elif is_last:
        step.state = state.model_copy(update={"status": "done", "reason": ""})
        step.told.append(f"rollout of {plan.release}: done")
    else:
        _begin(plan, step, facts, moment)


def _waits_for(
    plan: Plan,
    state: State,
    wave: Mapping[str, Member],
    facts: Mapping[str, Fact],
    evidence: Evidence,
) -> str:
    """Returns what the current wave still waits for; nothing where it passed its gates."""
    gates = plan.gates
    absent = {name for name, each in wave.items() if _is_absent(each, facts.get(name))}
    if len(absent) == len(wave):
        return _waits_for_somebody(plan, state, is_any=bool(wave))
    busy = [
        name
        for name, each in wave.items()
        if each.phase == "waiting" or (each.phase in IN_FLIGHT and name not in absent)
    ]
    if busy:
        return f"{len(busy)} devices are updating"
    running = [each for each in wave.values() if each.phase == "running"]
    return _waits_to_see(gates, state, running, len(wave) - len(absent), evidence)


def _waits_for_somebody(plan: Plan, state: State, *, is_any: bool) -> str:
    """What is waited for where nobody of a wave is there."""
    is_added = any(each.wave == state.wave for each in state.members.values())
    is_last = state.wave + 1 == len(plan.waves)
    # It adds nobody; or all others have it, and these find it asked for when they come.
    if state.wave > 0 and (not is_added or (is_any and is_last)):
        return ""
    return "its devices are off-line" if is_any else "has no devices that are its to tell"


def _waits_to_see(
    gates: Gates, state: State, running: Sequence[Member], there: int, evidence: Evidence
) -> str:
    """What is waited for where nobody updates any more."""
    needed = max(math.ceil(gates.installed * there), 1)
    if len(running) < needed:
        return f"{len(running)} devices run it, {needed} are needed"
    soaked_s = state.clock_s - max(each.since_s for each in running)
    if soaked_s < gates.soak_s:
        return f"runs for {soaked_s:.0f} of {gates.soak_s:g} s"
    if evidence.items < gates.min_items:
        return f"{evidence.items} of {gates.min_items} items are decided with it"
    return f"in doubt: {evidence.doubtful[0]}" if evidence.doubtful else ""


def _is_absent(member: Member, fact: Fact | None) -> bool:
    return member.phase in IN_FLIGHT | {"waiting"} and (fact is None or not fact.is_online)


def _begin(plan: Plan, step: Step, facts: Mapping[str, Fact], moment: Moment) -> None:
    """Begins the next wave; who is off-line comes with it."""
    state = step.state
    wave = state.wave + 1
    members = {
        name: each.model_copy(update={"wave": wave})
        if each.wave == state.wave and _is_absent(each, facts.get(name))
        else each
        for name, each in state.members.items()
    }
    for name in chosen(plan, plan.waves[wave], members, facts):
        members[name] = Member(wave=wave, since_s=state.clock_s, since=moment.at)
    step.state = state.model_copy(update={"wave": wave, "members": members, "reason": ""})
    count = len(step.state.of_wave(wave))
    step.told.append(
        f"rollout of {plan.release}: wave {wave + 1} of {len(plan.waves)} begins, {count} devices"
    )


def chosen(
    plan: Plan, wave: Wave, members: Mapping[str, Member], facts: Mapping[str, Fact]
) -> list[str]:
    """Returns the devices that a wave adds: by chance, but each time the same for a release."""
    free = [name for name in facts if name not in members]
    if wave.devices:
        return [name for name in wave.devices if name in free]
    if wave.count is not None:
        total = wave.count
    else:
        assert wave.percent is not None
        total = math.ceil(wave.percent / 100 * len(facts))
    return sorted(free, key=lambda name: order_of(plan, name))[: max(total - len(members), 0)]


def order_of(plan: Plan, device: str) -> bytes:
    """What puts devices in the order in which waves take them."""
    return hashlib.sha256(f"{plan.release} {device}".encode()).digest()


def _ask(plan: Plan, step: Step, facts: Mapping[str, Fact], moment: Moment) -> None:
    """Asks devices of the wave, as many as may update at once."""
    state = step.state
    members = dict(state.members)
    room = plan.at_once - sum(
        each.phase in IN_FLIGHT and not _is_absent(each, facts.get(name))
        for name, each in members.items()
    )
    for name, each in state.of_wave(state.wave).items():
        if room <= 0:
            break
        fact = facts.get(name)
        if each.phase != "waiting" or fact is None:
            continue
        if fact.running == plan.release and fact.desired == plan.release:
            members[name] = _in(each, "running", state.clock_s, moment).model_copy(
                update={"version": fact.version}
            )
            continue
        members[name] = _in(each, "asked", state.clock_s, moment).model_copy(
            update={
                "previous": each.previous or _before(plan, fact),
                "asked_at": moment.at if each.asked_at is None else each.asked_at,
            }
        )
        step.orders.append(Order(name, plan.release))
        room -= 1
    step.state = state.model_copy(update={"members": members})


def _before(plan: Plan, fact: Fact) -> str | None:
    """Returns what a device is to go back to."""
    candidates = (fact.desired, fact.running)
    return next((each for each in candidates if each and each != plan.release), None)


def _end(
    plan: Plan, step: Step, status: Status, why: str, moment: Moment, *, everywhere: bool
) -> None:
    """Ends the rollout and takes the release back."""
    state = step.state
    members = dict(state.members)
    taken_from: Sequence[Phase] = ("asked", "updating", *(("running",) if everywhere else ()))
    for name, each in state.members.items():
        # What refused it, or took too long, is not to come to it later on.
        is_taken = each.phase in taken_from or each.phase in LOST
        if is_taken and each.previous is not None and each.version:
            members[name] = _in(each, "recalling", state.clock_s, moment, why)
            step.orders.append(Order(name, each.previous, is_recall=True))
        elif each.phase in IN_FLIGHT:
            members[name] = _in(each, "failed", state.clock_s, moment, "nothing to go back to")
    step.state = state.model_copy(update={"status": status, "members": members, "reason": why})
    taken = f", taken back from {len(step.orders)} devices" if step.orders else ""
    step.told.append(f"rollout of {plan.release}: {status}: {why}{taken}")
