from __future__ import annotations

import pytest

from ingest.auth import Tokens, bearer_of, hash_of, presented
from ingest.domain import Role, Token
from ingest.problems import Problem


class TokenTable:
    def __init__(self) -> None:
        self.rows: dict[str, Token] = {}

    async def add(self, token: Token, token_hash: str) -> None:
        self.rows[token_hash] = token

    async def remove(self, token_id: str) -> bool:
        before = len(self.rows)
        self.rows = {key: token for key, token in self.rows.items() if token.token_id != token_id}
        return len(self.rows) < before

    async def by_hash(self) -> dict[str, Token]:
        return dict(self.rows)


@pytest.fixture
def table() -> TokenTable:
    return TokenTable()


@pytest.fixture
def tokens(table: TokenTable) -> Tokens:
    return Tokens(table, lambda: 7)  # type: ignore[arg-type]


async def test_a_token_names_its_role_and_is_kept_as_a_hash(tokens: Tokens, table: TokenTable) -> None:
    token, secret = await tokens.make(Role.INGEST, "s", "a program")
    assert secret.startswith("st_ingest_")
    assert len(secret) >= 50
    assert table.rows == {hash_of(secret): token}
    assert secret not in repr(table.rows)


async def test_tokens_are_found_again_after_a_restart_and_not_after_they_were_revoked(
    tokens: Tokens, table: TokenTable
) -> None:
    token, secret = await tokens.make(Role.HOST)
    later = Tokens(table, lambda: 8)  # type: ignore[arg-type]
    await later.load()
    assert later.find(secret) == token
    assert await later.revoke(token.token_id)
    assert later.find(secret) is None
    assert not await later.revoke(token.token_id)


@pytest.mark.parametrize("secret", ["", "st_admin_", "st_admin_guess", "st_host_\x00", "é"])
async def test_what_nobody_made_is_no_token(tokens: Tokens, secret: str) -> None:
    await tokens.make(Role.ADMIN)
    with pytest.raises(Problem) as problem:
        tokens.allow(secret, None, frozenset(Role))
    assert problem.value.status == 401


async def test_admins_may_do_all_and_others_their_roles_on_their_sale(tokens: Tokens) -> None:
    _, admin = await tokens.make(Role.ADMIN)
    _, host = await tokens.make(Role.HOST, "mine")
    assert tokens.allow(admin, "any", frozenset()).role is Role.ADMIN
    assert tokens.allow(host, "mine", frozenset({Role.HOST}))
    for sale_id, roles in (("mine", {Role.INGEST}), ("theirs", {Role.HOST})):
        with pytest.raises(Problem) as problem:
            tokens.allow(host, sale_id, frozenset(roles))
        assert problem.value.status == 403


async def test_an_admin_bound_to_a_sale_is_admin_of_that_sale_alone(tokens: Tokens) -> None:
    _, secret = await tokens.make(Role.ADMIN, "mine")
    assert tokens.allow(secret, "mine", frozenset())
    with pytest.raises(Problem):
        tokens.allow(secret, "theirs", frozenset())
    with pytest.raises(Problem):
        tokens.allow(secret, None, frozenset())


async def test_the_gate_admits_roles_to_their_sale(tokens: Tokens) -> None:
    _, overlay = await tokens.make(Role.OVERLAY, "mine")
    _, ingest = await tokens.make(Role.INGEST, "mine")
    assert await tokens.admits(overlay, "mine", frozenset({"overlay"}))
    assert not await tokens.admits(overlay, "theirs", frozenset({"overlay"}))
    assert not await tokens.admits(ingest, "mine", frozenset({"overlay", "host", "admin"}))
    assert not await tokens.admits("", "mine", frozenset({"overlay"}))


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({"authorization": "Bearer abc"}, "token=q", ("abc", False)),
        ({"authorization": "bearer  abc "}, "", ("abc", False)),
        ({"authorization": "Basic abc"}, "", ("", True)),
        ({"sec-websocket-protocol": "x, bearer.abc"}, "token=q", ("abc", False)),
        ({}, "a=1&token=q", ("q", True)),
        ({}, "", ("", True)),
    ],
)
def test_a_token_may_be_presented_in_three_ways(
    headers: dict[str, str], query: str, expected: tuple[str, bool]
) -> None:
    assert presented(headers, query) == expected


def test_only_the_bearer_scheme_carries_a_token() -> None:
    assert bearer_of("Bearer x") == "x"
    assert bearer_of("Bearerx") == ""
    assert bearer_of("") == ""
