"""A running service as tests speak to it."""

from __future__ import annotations

from typing import Any

import httpx

from ingest.domain import Role
from ingest.service import Service

CATALOGUE = """\
pool_id,pool_name,base_unit,initial_units,sku,code,link_no,offer_name,aliases,pack_words,units_per_pack,price_minor,\
limit_packs
eggs,散养土鸡蛋,枚,600,egg-10,A1,1,散养土鸡蛋 10枚/盒,鸡蛋|土鸡蛋,盒,10,3000,20
eggs,散养土鸡蛋,枚,600,egg-30,A2,2,散养土鸡蛋 30枚/托,鸡蛋|土鸡蛋,托|板,30,9000,10
honey,土蜂蜜,克,50000,honey-500,C1,5,土蜂蜜 500g/瓶,蜂蜜|土蜂蜜,瓶|罐,500,8000,0
""".encode()


class House:
    """Asks the doors, as admin unless told otherwise."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.service = service
        self.client = client

    async def ask(
        self, method: str, path: str, *, token: str | None = None, expect: int | None = None, **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        secret = self.service.admin_secret if token is None else token
        if secret:
            headers.setdefault("authorization", f"Bearer {secret}")
        response = await self.client.request(method, path, headers=headers, **more)
        assert expect is None or response.status_code == expect, (path, response.status_code, response.text)
        return response

    async def token(self, role: Role, sale_id: str = "") -> str:
        return (await self.service.tokens.make(role, sale_id))[1]

    async def claim(self, sale_id: str, claim_id: str, sku: str = "honey-500", packs: int = 1) -> httpx.Response:
        return await self.ask("POST", f"/v1/sales/{sale_id}/claims", json=claim_of(claim_id, sku, packs))


def claim_of(claim_id: str, sku: str = "honey-500", packs: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "claim_id": claim_id,
        "buyer_id": f"douyin:buyer-{claim_id}",
        "channel": "douyin",
        "lines": [{"sku": sku, "packs": packs}],
        **more,
    }


def is_problem(response: httpx.Response, slug: str) -> bool:
    body = response.json()
    return (
        response.headers["content-type"] == "application/problem+json"
        and body["type"] == f"/problems/{slug}"
        and body["status"] == response.status_code
        and bool(body["title"])
        and bool(body["detail"])
    )
