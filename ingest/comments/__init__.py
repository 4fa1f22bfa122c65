"""Reading comments: what a viewer's words order, ask, change or cancel, and why it was read so.

Promises: a comment that cannot be read safely never orders, it goes to a person; every line of a reading stands on
characters of the comment or on the offer on air; personal data is masked in everything but `Reading.text`; reading never
raises and takes time linear in the comment. The conventions are told in docs/comments.md.
"""

from __future__ import annotations

from ingest.comments.domain import Intent, Mode, OfferWords, Reading, ReadingSettings, Strictness, Word
from ingest.comments.lexicon import Lexicon

__all__ = ["Intent", "Lexicon", "Mode", "OfferWords", "Reading", "ReadingSettings", "Strictness", "Word"]
