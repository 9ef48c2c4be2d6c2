"""The tables of the SQLite storage."""

SCHEMA_VERSION = 3
"""Raised with every change to a table: files of another version are refused, not guessed at."""

# A settlement begins once (`follows` is 0), and each record has one successor at most.
# `pending` is read off the log: the records that have no successor yet and will become due.
LOG = """
CREATE TABLE log_record (
    number INTEGER PRIMARY KEY,
    settlement_id TEXT NOT NULL,
    payer INTEGER NOT NULL,
    payee INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor + (kind = 'refused') > 0),
    currency TEXT NOT NULL,
    counter INTEGER,
    signature BLOB NOT NULL,
    reason TEXT,
    payer_balance_minor INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    restriction TEXT,
    held TEXT,
    due_ns INTEGER,
    follows INTEGER NOT NULL CHECK (follows >= 0 AND follows < number),
    held_minor INTEGER NOT NULL,
    UNIQUE (settlement_id, follows)
) STRICT;

CREATE TABLE servers (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    count INTEGER NOT NULL
) STRICT;

INSERT INTO servers VALUES (1, 0);

CREATE TABLE pending (
    number INTEGER PRIMARY KEY,
    due_ns INTEGER NOT NULL
) STRICT;

CREATE INDEX pending_by_due_ns ON pending (due_ns);

CREATE TRIGGER log_record_stays BEFORE UPDATE ON log_record
BEGIN SELECT raise(ABORT, 'a log record is never changed'); END;

CREATE TRIGGER log_record_lasts BEFORE DELETE ON log_record
BEGIN SELECT raise(ABORT, 'a log record is never deleted'); END;
"""

# An account's lines are a chain from `newest` along `previous`: appending costs no index, and a
# statement reads its newest lines first. `place` is computed from branch and number.
ACCOUNTS = """
CREATE TABLE data_file (
    place INTEGER PRIMARY KEY,
    holder TEXT NOT NULL,
    approval_key BLOB,
    balance_minor INTEGER NOT NULL CHECK (balance_minor >= blocked_minor OR place = 0),
    highest_counter INTEGER NOT NULL,
    seen_counters BLOB NOT NULL,
    blocked_minor INTEGER NOT NULL CHECK (blocked_minor >= 0),
    born TEXT,
    highest_proof INTEGER NOT NULL,
    seen_proofs BLOB NOT NULL,
    newest INTEGER,
    particular_since INTEGER,
    closed INTEGER NOT NULL
) STRICT;

CREATE INDEX particular ON data_file (place) WHERE particular_since IS NOT NULL;

CREATE TABLE auxiliary_file (
    place INTEGER PRIMARY KEY,
    balance_minor INTEGER NOT NULL,
    newest INTEGER
) STRICT;

CREATE TABLE line (
    id INTEGER PRIMARY KEY,
    previous INTEGER,
    account INTEGER NOT NULL,
    settlement_id TEXT NOT NULL,
    counterparty INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    balance_minor INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    blocked_minor INTEGER NOT NULL
) STRICT;

CREATE TABLE standing (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    withdrawn_to INTEGER NOT NULL,
    deposited_to INTEGER NOT NULL CHECK (deposited_to <= withdrawn_to),
    in_transit_minor INTEGER NOT NULL,
    arrived_to INTEGER NOT NULL
) STRICT;
"""
