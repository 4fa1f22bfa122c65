"""Locust users: buyers who rush a pool, and watchers of the live tally.

Both write everything down in the run's recorder. Importing this imports Locust, which patches the process for gevent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import ClassVar
from urllib.parse import quote

import gevent
import msgspec
from locust import FastHttpUser, User, task
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from loadtest.domain import Ask, Exchange, Line, SalePlan
from loadtest.frames import FrameReader
from loadtest.habits import Habit, Visit, other_content, visits
from loadtest.recorder import Recorder, now_us

ASK_AGAIN_TRIES = 4
THINK_S = 0.03
ANSWER_TIMEOUT_S = 10.0
COME_BACK_S = 0.5
LATE_S = 0.3
"""How long after its hold's end a late payment comes."""

_encode = msgspec.json.Encoder().encode


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What all users of a run share. `seed` makes the behaviour repeatable, not the timing."""

    url: str
    run_id: str
    plan: SalePlan
    recorder: Recorder
    ingest_token: str
    overlay_token: str
    seed: int
    buyer_numbers: Iterator[int]
    watcher_numbers: Iterator[int]


def user_classes(run: Run, watchers_len: int) -> list[type[User]]:
    """Return the user classes of one run, bound to it; exactly `watchers_len` of the users will be watchers."""
    buyer = type("Buyer", (BuyerUser,), {"run_of": run, "host": run.url, "abstract": False})
    watcher = type("Watcher", (WatcherUser,), {"run_of": run, "fixed_count": watchers_len, "abstract": False})
    return [buyer, watcher] if watchers_len else [buyer]


def numbers() -> Iterator[int]:
    """Return 1, 2, 3, …, to tell users apart."""
    return count(1)


class BuyerUser(FastHttpUser):
    """Buyers in a row on one connection: each claims, and then does what its habit says."""

    abstract = True
    run_of: ClassVar[Run]
    connection_timeout = ANSWER_TIMEOUT_S
    network_timeout = ANSWER_TIMEOUT_S
    concurrency = 2

    def __init__(self, environment: Environment) -> None:
        """Number this user, and with that fix its visits."""
        super().__init__(environment)
        run = self.run_of
        self._visits = visits(run.plan, run.run_id, next(run.buyer_numbers), run.seed)
        self._headers = {"authorization": f"Bearer {run.ingest_token}", "content-type": "application/json"}
        self._claims = f"/v1/sales/{run.plan.sale_id}/claims"

    @task
    def visit(self) -> None:
        """Make one claim and see it through."""
        if not self.run_of.recorder.take_claim():
            raise StopUser
        visit = next(self._visits)
        if visit.habit is Habit.ASKS_TWICE_AT_ONCE:
            granted = self._both(self._claim, self._claim, visit)
        else:
            granted = self._until_known(Ask.CLAIM, visit)
        if visit.habit is Habit.ASKS_AGAIN:
            self._claim(visit)
        if visit.habit is Habit.CHANGES_CONTENT:
            self._claim(msgspec.structs.replace(visit, lines=other_content(visit)))
        gevent.sleep(THINK_S)
        if granted is not None and granted.is_grant:
            self._end(visit)

    def stop(self, force: bool = False) -> bool:
        """Stop after the visit under way. True if it was ended at once, in the middle."""
        # Locust kills a user that waits between two tasks, but by the time the kill arrives it may be in the next one.
        if not force and self._state == LOCUST_STATE_WAITING:
            self._state = LOCUST_STATE_STOPPING
            return False
        return bool(super().stop(force=force))

    def _end(self, visit: Visit) -> None:
        match visit.habit:
            case Habit.WALKS_AWAY:
                return
            case Habit.GIVES_UP:
                self._until_known(Ask.CANCEL, visit)
            case Habit.PAYS_LATE if self.run_of.plan.hold_ttl_ms:
                gevent.sleep(self.run_of.plan.hold_ttl_ms / 1_000 + LATE_S)
                self._until_known(Ask.CONFIRM, visit)
            case Habit.PAYS_TWICE_AT_ONCE:
                self._both(self._confirm, self._confirm, visit)
            case Habit.PAYS_WHILE_CANCELLING:
                self._both(self._confirm, self._cancel, visit)
            case _:
                self._until_known(Ask.CONFIRM, visit)

    def _until_known(self, ask: Ask, visit: Visit) -> Exchange:
        """Ask, and ask again with the same id while nobody can say what became of it, or the service sheds load."""
        exchange = self._ask(ask, visit)
        for attempt in range(1, ASK_AGAIN_TRIES):
            if exchange.answer is not None and exchange.outcome != "overloaded":
                break
            gevent.sleep(THINK_S * 2**attempt)
            exchange = self._ask(ask, visit)
        return exchange

    def _both(
        self, one: Callable[[Visit], Exchange], other: Callable[[Visit], Exchange], visit: Visit
    ) -> Exchange | None:
        """Do two things at the same time; return the exchange that was granted, if one was."""
        greenlets = [gevent.spawn(each, visit) for each in (one, other)]
        try:
            gevent.joinall(greenlets)
        finally:
            gevent.killall(greenlets)
        answered = [greenlet.value for greenlet in greenlets if isinstance(greenlet.value, Exchange)]
        return next((exchange for exchange in answered if exchange.is_grant), answered[0] if answered else None)

    def _claim(self, visit: Visit) -> Exchange:
        return self._ask(Ask.CLAIM, visit)

    def _confirm(self, visit: Visit) -> Exchange:
        return self._ask(Ask.CONFIRM, visit)

    def _cancel(self, visit: Visit) -> Exchange:
        return self._ask(Ask.CANCEL, visit)

    def _ask(self, ask: Ask, visit: Visit) -> Exchange:
        """Send one request and write down what came of it, even if Locust ends this user while it is under way."""
        path, content = self._claims, "{}"
        if ask is Ask.CLAIM:
            content = _encode(_claim_body(visit)).decode()
        else:
            path = f"{self._claims}/{quote(visit.claim_id, safe='')}/{ask}"
        status, body, sent_at_us = 0, b"", now_us()
        try:
            with self.client.post(
                path, data=content, headers=self._headers, name=f"{ask}", catch_response=True
            ) as response:
                status, body = response.status_code, response.content or b""
                # A refusal is an answer like any other; only what is broken counts as a failure.
                if status and status < 500:
                    response.success()
        finally:
            exchange = self.run_of.recorder.exchange(ask, visit, sent_at_us, status, body)
        return exchange


def _claim_body(visit: Visit) -> dict[str, object]:
    return {
        "claim_id": visit.claim_id,
        "buyer_id": visit.buyer_id,
        "channel": visit.channel,
        "lines": [_line_body(line) for line in visit.lines],
        "partial": visit.partial,
        "waitlist": False,
    }


def _line_body(line: Line) -> dict[str, object]:
    return {"sku": line.sku, "packs": line.packs}


class WatcherUser(User):
    """A viewer's page: one live stream, opened again when it breaks."""

    abstract = True
    run_of: ClassVar[Run]

    def __init__(self, environment: Environment) -> None:
        """Number this watcher."""
        super().__init__(environment)
        self._number = next(self.run_of.watcher_numbers)
        self._connections = count(1)

    def stop(self, force: bool = False) -> bool:
        """Leave at once; a watcher has nothing to finish."""
        return bool(super().stop(force=True))

    @task
    def watch(self) -> None:
        """Follow the stream until it ends or Locust does."""
        run = self.run_of
        url = f"ws{run.url.removeprefix('http')}/v1/sales/{run.plan.sale_id}/live"
        reader = FrameReader(f"watcher-{self._number}/{next(self._connections)}")
        headers = {"authorization": f"Bearer {run.overlay_token}"}
        try:
            # No compression: a real overlay sits on the same machine or takes small frames; inflating costs this side.
            with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
                while True:
                    text = socket.recv()
                    run.recorder.frame(reader.read(text, now_us()))
        except (ConnectionClosed, InvalidHandshake, OSError):
            run.recorder.reconnects += 1
            gevent.sleep(COME_BACK_S)
