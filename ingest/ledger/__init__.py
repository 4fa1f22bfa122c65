"""The service's own tables, in the same database as the sale's ledger: access, connections, reading rules, traces.

Promises: what a method returned from is committed. Secrets are sealed before they come here.
"""

from ingest.ledger.access import ConnectionLedger, TokenLedger
from ingest.ledger.comments import CommentLedger
from ingest.ledger.database import ServiceLedger
from ingest.ledger.facts import FactLedger
from ingest.ledger.sales import SaleLedger

__all__ = ["CommentLedger", "ConnectionLedger", "FactLedger", "SaleLedger", "ServiceLedger", "TokenLedger"]
