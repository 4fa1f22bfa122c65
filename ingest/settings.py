"""What the operator chose. Built once, by the command line; nobody else reads the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The service's settings; each is also an environment variable with the prefix `SELLTHROUGH_`."""

    model_config = SettingsConfigDict(env_prefix="SELLTHROUGH_", frozen=True, extra="forbid")

    data_dir: Path = Field(
        default=Path("sellthrough-data"),
        description="Folder of the embedded store, the ledger, the key and the admin token. One service at a time.",
    )
    store_url: str = Field(
        default="", description="Valkey or Redis to use (redis://, rediss://, unix://); empty: the embedded one."
    )
    ledger_url: str = Field(
        default="", description="SQLAlchemy address of the ledger; empty: SQLite in the data folder."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Web processes. Only 1 is built yet.")
    ready_file: Path | None = Field(
        default=None,
        description="Where to write the address and the admin token (JSON, mode 0600) once doors are open.",
    )
    drain_ms: int = Field(default=10_000, ge=0, description="How long a stop waits for requests under way.")
    late_comment_ms: int = Field(
        default=120_000, ge=0, description="A comment this much older than the newest seen of its room never orders."
    )
    order_desk_timeout_ms: int = Field(
        default=1_500, ge=50, description="How long a platform push may wait for the order desk, all tries counted."
    )
    sweep_every_ms: int = Field(default=200, ge=10, description="How often passed deadlines are looked for.")
    lease_ttl_ms: int = Field(default=5_000, ge=500, description="How long a keeper's lease outlives its process.")

    def effective_ledger_url(self) -> str:
        """Return the ledger's address, with the default filled in."""
        return self.ledger_url or f"sqlite+aiosqlite:///{self.data_dir / 'ledger.sqlite3'}"
