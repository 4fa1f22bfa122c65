"""What a sale sells and what became of it: catalogue files, the ledger (账本), the books check, exports and the report.

The ledger is the SQL projection of the sale's log and nothing else writes its books: whatever it shows can be proved by
folding the log again (`inventory.check`). Imports the kernel `flashsale` and nothing else of the product.
"""
